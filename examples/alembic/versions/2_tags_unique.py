"""One that needs a table's lock, alone in its revision: refused after 5 s, it is run again."""

from alembic import op

revision, down_revision = "2", "1"


def upgrade() -> None:
    """Add it."""
    op.create_unique_constraint("tags_name", "tags", ["name"], schema="tags")


def downgrade() -> None:
    """Drop it."""
    op.drop_constraint("tags_name", "tags", schema="tags")
