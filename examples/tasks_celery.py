"""A Celery task on langpont_db: prefork children read what the one who sent the task had written.

CELERY_BROKER_URL=redis://127.0.0.1 venv/bin/python -m celery --app examples.tasks_celery worker
"""

import os

from celery import Celery
from sqlalchemy import func, select

from examples.notes import Note
from langpont_db import Database
from langpont_db.middleware import request

database = Database.from_env()  # in the parent, before it forks: each child makes connections of its own
app = Celery("notes", broker=os.environ.get("CELERY_BROKER_URL"))


def write(body: str) -> None:
    """Write a note, and have it measured."""
    with database.session() as session:
        note = Note(body=body)
        session.add(note)
        session.commit()  # before the task is sent, with the position of this commit
        measure.delay(note.id, session.token)


@app.task(name="notes.measure")  # type: ignore[misc]
def measure(number: int, after: str) -> int:
    """The length of a note."""
    with request(after), database.session() as session:
        return session.scalars(select(func.length(Note.body)).where(Note.id == number)).one()
