"""Keep the city's records in one SQLite file that survives a crash.

One connection, one lock, one transaction per request. A commit returns only after the write-ahead log is on the
disk (`synchronous = FULL`), so whatever the city acknowledged it still knows after ``kill -9``.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

_SCHEMA = """
create table if not exists platform (platform_id text primary key, name text not null, regions text not null);
create table if not exists class (
    class_code text primary key, updated_at text not null, status text not null, document text not null);
create table if not exists learner (
    class_code text not null, position integer not null, learner_ref text not null, document text not null,
    primary key (class_code, learner_ref));
create table if not exists claim (
    claim_id integer primary key, person_key text not null, claimed_on text not null, document text not null);
create index if not exists claim_by_person on claim (person_key);
create table if not exists event (
    event_id text primary key, class_code text not null, seq integer not null, event_type text not null,
    learner_ref text, recorded_at text not null, received_at text not null, status text not null,
    payload_hash text not null, entry_hash text not null, prev_hash text not null, receipt_id integer not null,
    document text not null, unique (class_code, seq));
create index if not exists event_by_arrival on event (received_at);
create table if not exists event_file (sha256 text not null, event_id text not null, primary key (sha256, event_id));
create table if not exists rejection (
    rejection_id integer primary key, event_id text, class_code text, learner_ref text, code text not null,
    field text, detail text, received_at text not null);
create table if not exists receipt (
    receipt_id integer primary key autoincrement, platform_id text not null, document text not null);
create table if not exists answered (
    platform_id text not null, idempotency_key text not null, request_digest text not null, body text not null,
    primary key (platform_id, idempotency_key));
create table if not exists nonce (
    platform_id text not null, nonce text not null, seen_at real not null, primary key (platform_id, nonce));
create table if not exists digest (
    class_code text not null, day text not null, kind text not null, document text not null, answer text not null,
    received_at text not null, primary key (class_code, day, kind));
"""


class Store:
    """The city's database.

    Args:
        path: The SQLite file; made when absent.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run everything inside as one transaction; nested use joins the outer one."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def execute(self, sql: str, *values: Any) -> int:
        """Run a statement; returns the row id of an insert."""
        with self._lock:
            return self._db.execute(sql, values).lastrowid or 0

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Read all rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Read the first row of a query, if any."""
        with self._lock:
            found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
            return found

    def document(self, sql: str, *values: Any) -> dict[str, Any] | None:
        """Read the first column of the first row as a JSON object, if there is a row."""
        found = self.row(sql, *values)
        return None if found is None else load(found[0])

    def documents(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Read the first column of all rows as JSON objects."""
        return [load(found[0]) for found in self.rows(sql, *values)]

    def remember_nonce(self, nonce: str, *, platform_id: str, now: datetime, memory_s: float) -> bool:
        """Remember a nonce durably; False when it was seen within `memory_s` seconds."""
        with self.transaction():
            self.execute("delete from nonce where seen_at < ?", now.timestamp() - memory_s)
            seen = self.row("select 1 from nonce where platform_id = ? and nonce = ?", platform_id, nonce)
            if seen is None:
                self.execute("insert into nonce values (?, ?, ?)", platform_id, nonce, now.timestamp())
            return seen is None

    def is_empty(self) -> bool:
        """Tell whether the city holds no master data yet."""
        return self.row("select 1 from platform") is None


def dump(value: dict[str, Any] | Sequence[Any]) -> str:
    """Write a JSON value for a text column."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def load(text: str) -> Any:
    """Read a JSON value from a text column."""
    return json.loads(text)
