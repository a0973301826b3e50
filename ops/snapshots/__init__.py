"""Manual snapshots of a stack's primary: create, list, prune."""
