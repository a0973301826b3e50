"""The part of docs/adopting.md that names the product: the new side of a move, as variables of a shell."""

from __future__ import annotations

from blueprint.postgres.roles import OWNER, SCHEMAS
from documents.stacks import Stack

# As AWS's documents make an address up: the account and region are a part of it.
ADDRESS = "{identifier}.abc.{region}.rds.amazonaws.com"


def new_side(stack: Stack) -> str:
    """Address and login of the primary, and OURS: a regular expression of the schemas that the program makes."""
    settings, database = stack.platform.settings, stack.platform.settings.database
    identifier = stack.platform.naming.primary(database.generation)
    host = ADDRESS.format(identifier=identifier, region=settings.region)
    lines = (
        f"export NEW_ADDRESS='host={host} port={database.port} dbname={database.name}'",
        f'export NEW="$NEW_ADDRESS user={database.master_username} sslmode=verify-full '
        f'sslrootcert=certs/{settings.region}-bundle.pem"',
        f"export OURS='^({'|'.join((*SCHEMAS, OWNER))})$'",
    )
    return "\n".join(("```bash", *lines, "```"))
