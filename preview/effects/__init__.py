"""What a change does to the service, before it is done: a line for each changed setting."""
