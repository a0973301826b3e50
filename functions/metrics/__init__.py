"""Runs the custom metrics' statements and publishes what they say."""
