"""A table in a schema of its own. No grant: applications may use what the owner makes."""

from alembic import op
from sqlalchemy import BigInteger, Column, Identity, Text

revision, down_revision = "1", None


def upgrade() -> None:
    """Make them."""
    op.execute("CREATE SCHEMA tags")
    op.create_table("tags", Column("id", BigInteger, Identity(), primary_key=True), Column("name", Text), schema="tags")


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP SCHEMA tags CASCADE")
