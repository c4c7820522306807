from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import Conflict
from app.core.group_commit import GroupCommit


@pytest.fixture
def table(database: Database) -> Database:
    with database.transaction() as session:
        session.execute(text("CREATE TABLE beat (n integer PRIMARY KEY CHECK (n < 1000))"))
    return database


def write(session: Session, batch: Sequence[int]) -> list[int | Conflict]:
    for number in batch:
        if number >= 0:
            session.execute(text("INSERT INTO beat VALUES (:n)"), {"n": number})
    return [number if number >= 0 else Conflict("负数不行") for number in batch]


def count(database: Database) -> int:
    with database.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM beat")) or 0


@pytest.mark.commits
class TestSubmit:
    def submit_all(self, table: Database, numbers: Sequence[int]):
        writer = GroupCommit(table, write)
        writer.start()

        async def run():
            return await asyncio.gather(*(writer.submit(n) for n in numbers), return_exceptions=True)

        answers = asyncio.run(run())
        writer.stop()
        return answers

    def test_answers_each_record_after_its_commit(self, table: Database):
        assert self.submit_all(table, range(200)) == list(range(200))
        assert count(table) == 200

    def test_lets_a_record_that_breaks_a_rule_harm_nobody_else(self, table: Database):
        answers = self.submit_all(table, [1, -1, 2])
        assert answers[0] == 1
        assert isinstance(answers[1], Conflict)
        assert count(table) == 2

    def test_lets_a_record_that_breaks_the_database_harm_nobody_else(self, table: Database):
        answers = self.submit_all(table, [1, 5000, 2])
        assert (answers[0], answers[2]) == (1, 2)
        assert isinstance(answers[1], Exception)
        assert count(table) == 2
