"""Runs the program without AWS or the Pulumi engine, and keeps what it registers."""
