"""The recording engine: runs the Pulumi program without AWS or the Pulumi engine, and keeps its registrations."""
