"""Makes the database's roles, schemas, grants and settings what the definition says, or tells how they differ."""
