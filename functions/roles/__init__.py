"""Lambda function that brings roles, schemas, grants and settings to the definition, or reports drift."""
