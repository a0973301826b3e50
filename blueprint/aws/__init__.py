"""AWS: instance classes, storage, windows, networks, IAM policies."""
