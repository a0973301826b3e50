"""A FastAPI application on langpont_db: a note is found right after it was written, whichever process is asked.

venv/bin/python -m uvicorn examples.web_fastapi:app
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import select

from examples.notes import Note
from langpont_db import AsyncDatabase
from langpont_db.middleware import ASGIMiddleware

database = AsyncDatabase.from_env()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await database.dispose()


app = FastAPI(lifespan=lifespan)
app.add_middleware(ASGIMiddleware)


class New(BaseModel):
    body: str


@app.post("/notes")
async def write(new: New) -> dict[str, int]:
    async with database.session(expire_on_commit=False) as session:
        note = Note(body=new.body)
        session.add(note)
        await session.commit()  # before the answer: the middleware sends its position along in a cookie
    return {"id": note.id}


@app.get("/notes/{number}")
async def read(number: int) -> dict[str, str]:
    async with database.session() as session:  # a replica that has what this client wrote, or the primary
        body = await session.scalar(select(Note.body).where(Note.id == number))
    if body is None:
        raise HTTPException(404)
    return {"body": body}


@app.get("/status")
async def status() -> dict[str, Any]:
    return database.status()  # asks nobody, so it never hangs
