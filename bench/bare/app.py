"""A Flask view with one SELECT and one INSERT, as durable as the product's: the floor of what it can cost.

BENCH_DATABASE_URL is `sqlite:///PATH` or `postgresql://…`. The driver modules are used directly; on SQLite a
lock queues the writers, as in the product.
"""

import hashlib
import os
import secrets
import sqlite3
import threading
from typing import Final

import psycopg
from flask import Flask, Response

_ROWS: Final = 10_000
_SQLITE_PREFIX: Final = "sqlite:///"
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS member (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS token (digest {binary} PRIMARY KEY, member_id INTEGER NOT NULL)",
)


class _Sqlite:
    def __init__(self, path: str) -> None:
        self._path = path
        self._threads = threading.local()
        self._writers = threading.Lock()
        connection = self._connection()
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in _SCHEMA:
            connection.execute(statement.format(binary="BLOB"))
        connection.execute("BEGIN IMMEDIATE")
        rows = ((number, f"member {number}") for number in range(_ROWS))
        connection.executemany("INSERT OR IGNORE INTO member VALUES (?, ?)", rows)
        connection.execute("COMMIT")

    def find(self, member_id: int) -> str:
        cursor = self._connection().execute("SELECT name FROM member WHERE id = ?", (member_id,))
        return str(cursor.fetchone()[0])

    def add(self, digest: bytes, member_id: int) -> None:
        with self._writers:
            self._connection().execute("INSERT INTO token VALUES (?, ?)", (digest, member_id))

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=5)
            connection.execute("PRAGMA synchronous = FULL")
            self._threads.connection = connection
        return connection


class _Postgresql:
    def __init__(self, url: str) -> None:
        self._url = url
        self._threads = threading.local()
        connection = self._connection()
        for statement in _SCHEMA:
            connection.execute(statement.format(binary="BYTEA").encode())
        connection.execute(
            "INSERT INTO member SELECT n, 'member ' || n FROM generate_series(0, %s) AS n"
            " ON CONFLICT DO NOTHING",
            (_ROWS - 1,),
        )

    def find(self, member_id: int) -> str:
        cursor = self._connection().execute("SELECT name FROM member WHERE id = %s", (member_id,))
        row = cursor.fetchone()
        return "" if row is None else str(row[0])

    def add(self, digest: bytes, member_id: int) -> None:
        self._connection().execute("INSERT INTO token VALUES (%s, %s)", (digest, member_id))

    def _connection(self) -> psycopg.Connection:
        connection: psycopg.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = psycopg.connect(self._url, autocommit=True, prepare_threshold=0)
            self._threads.connection = connection
        return connection


def _create_app(url: str) -> Flask:
    store = _Sqlite(url.removeprefix(_SQLITE_PREFIX)) if url.startswith(_SQLITE_PREFIX) else _Postgresql(url)
    flask = Flask(__name__)

    @flask.get("/bare")
    def bare() -> Response:
        member_id = secrets.randbelow(_ROWS)
        token = secrets.token_urlsafe(32)
        name = store.find(member_id)
        store.add(hashlib.sha256(token.encode()).digest(), member_id)
        return Response(f'{{"name":"{name}","token":"{token}"}}', content_type="application/json")

    return flask


app: Final = _create_app(os.environ["BENCH_DATABASE_URL"])
