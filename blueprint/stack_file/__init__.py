"""Reads the project's part of a stack file: load, rules between fields, JSON schema."""
