"""A Flask application on langpont_db: a note is found right after it was written, whichever process is asked.

venv/bin/python -m flask --app examples.web_flask run
"""

from flask import Flask, abort, request
from sqlalchemy import select

from examples.notes import Note
from langpont_db import Database
from langpont_db.middleware import WSGIMiddleware

database = Database.from_env()  # gunicorn --preload may fork after this
app = Flask(__name__)
app.wsgi_app = WSGIMiddleware(app.wsgi_app)  # type: ignore[method-assign]


@app.post("/notes")
def write() -> dict[str, int]:
    with database.session() as session:
        note = Note(body=request.get_json()["body"])
        session.add(note)
        session.commit()  # before the answer: the middleware sends its position along in a cookie
        return {"id": note.id}


@app.get("/notes/<int:number>")
def read(number: int) -> dict[str, str]:
    with database.session() as session:  # a replica that has what this client wrote, or the primary
        body = session.scalar(select(Note.body).where(Note.id == number))
    if body is None:
        abort(404)
    return {"body": body}


@app.get("/status")
def status() -> dict[str, object]:
    return database.status()  # asks nobody, so it never hangs
