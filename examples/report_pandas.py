"""A report with pandas on the analytics replica: one statement may take an hour, and all see one snapshot.

set -a; . .local/prod/app.env; set +a
venv/bin/python -m examples.report_pandas
"""

import pandas
from sqlalchemy import func, select

from examples.notes import Note
from langpont_db import Database

database = Database.from_env()
LENGTHS = select(func.length(Note.body).label("length"), func.count().label("notes")).group_by("length")


def report() -> pandas.DataFrame:
    """Notes by their length, and the share of each."""
    with database.connect("analytics", isolation_level="REPEATABLE READ") as connection:
        notes = pandas.read_sql(LENGTHS.order_by("length"), connection)
        total = pandas.read_sql(select(func.count().label("notes")).select_from(Note), connection)
    notes["share"] = notes["notes"] / total["notes"].iloc[0]
    return notes


if __name__ == "__main__":
    print(report())
