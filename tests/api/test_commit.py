"""What was not committed is not acknowledged; what was acknowledged is there (`scope="function"`, group commit)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from tests.api.browser import Browser
from tests.api.stage import Stage, with_ids

pytestmark = pytest.mark.commits

OURS = {"X-Requested-With": "zhengxue"}

DEFERRED = """
CREATE FUNCTION refuse_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused at COMMIT'; END $$;
CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT OR UPDATE ON {table}
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_at_commit();
"""
UNDO = "DROP TRIGGER refuse_at_commit ON {table}; DROP FUNCTION refuse_at_commit()"


def run(stage: Stage, statements: str) -> None:
    with stage.platform.unit() as work:
        work.session.execute(text(statements))


@contextmanager
def refused_at_commit(stage: Stage, table: str) -> Iterator[None]:
    """Every statement succeeds, the COMMIT does not."""
    run(stage, DEFERRED.format(table=table))
    try:
        yield
    finally:
        run(stage, UNDO.format(table=table))


@contextmanager
def cut_before_commit(stage: Stage, *, times: int = 1) -> Iterator[None]:
    """The server ends the connection after the last statement and before COMMIT, as on a failover."""
    left = times

    def cut(session: Session) -> None:
        nonlocal left
        if left == 0 or not session.connection().exec_driver_sql("SELECT pg_current_xact_id_if_assigned()").scalar():
            return
        left -= 1
        pid = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with stage.platform.database.engine.connect() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")

    event.listen(Session, "before_commit", cut)
    try:
        yield
    finally:
        event.remove(Session, "before_commit", cut)


def make_course(author: Browser):
    body = {
        "title": "提交失败的课程",
        "trade_code": "CC-087",
        "level": "5",
        "standard_code": "GZB 4-10-01-05",
        "textbook_title": "书",
        "textbook_isbn": "978-7-5045-0000-7",
        "source": "purchased",
    }
    return author.post("/courses", body)


def save_answer(stage: Stage, trainee: Browser, *, seq: int):
    path = with_ids("/me/attempts/{attempt_id}/answers", stage.ids)
    return trainee.post(path, {"seq": seq, "no": 1, "value": ["A"]})


def answers(stage: Stage) -> list[int]:
    with stage.platform.unit() as work:
        return list(
            work.session.scalars(
                text("SELECT seq FROM answer_record WHERE attempt_id = :id ORDER BY seq"),
                {"id": stage.ids["attempt_id"]},
            )
        )


@pytest.fixture
def author(stage) -> Browser:
    return stage.browser("institution_author")


@pytest.fixture
def trainee(stage) -> Browser:
    return stage.browser("trainee")


@pytest.fixture
def seq(stage) -> int:
    """The next sequence number of the exam that runs."""
    return max(answers(stage), default=0) + 1


class TestRoute:
    def test_answers_201_only_after_the_commit(self, stage, author):
        before = stage.fingerprint()
        with refused_at_commit(stage, "course"):
            answer = make_course(author)
        assert answer.status_code == 500
        assert answer.json()["code"] == "unexpected"
        assert stage.fingerprint() == before

    def test_answers_503_when_the_connection_breaks_at_the_commit(self, stage, author):
        before = stage.fingerprint()
        with cut_before_commit(stage):
            answer = make_course(author)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert stage.fingerprint() == before

    def test_is_well_again_at_the_next_request(self, stage, author):
        with cut_before_commit(stage):
            assert make_course(author).status_code == 503
        assert author.get("/courses").status_code == 200

    def test_sets_no_cookie_for_a_session_that_was_not_committed(self, stage):
        phone = {"phone": "19900000001"}
        stage.clock.advance(timedelta(minutes=1))
        guest = stage.browser()
        assert guest.post("/auth/sms-codes", phone).status_code == 202
        code = guest.code()
        with refused_at_commit(stage, "login_session"):
            answer = guest.post("/auth/sms-sign-in", phone | {"code": code})
        assert answer.status_code == 500
        assert not any("zx_session" in cookie for cookie in answer.headers.get_list("set-cookie"))
        assert guest.get("/auth/me").status_code == 401


class TestHotPath:
    def test_acknowledges_only_after_the_commit(self, stage, trainee, seq):
        with refused_at_commit(stage, "answer_record"):
            answer = save_answer(stage, trainee, seq=seq)
        assert answer.status_code == 500
        assert seq not in answers(stage)
        assert save_answer(stage, trainee, seq=seq).status_code == 200
        assert seq in answers(stage)

    def test_loses_nothing_when_the_connection_breaks_at_the_commit(self, stage, trainee, seq):
        """The writer tries the records of a broken batch again, each alone; 200 means kept, 503 means send again."""
        with cut_before_commit(stage):
            answer = save_answer(stage, trainee, seq=seq)
        assert answer.status_code in {200, 503}
        assert (answer.status_code == 200) == (seq in answers(stage))
        assert save_answer(stage, trainee, seq=seq).status_code == 200

    def test_harms_no_neighbor_in_the_batch(self, stage, trainee, seq):
        """Many at once, the first commits cut: every 200 is kept, everything else is 503 and not kept."""
        path = with_ids("/api/v1/me/attempts/{attempt_id}/answers", stage.ids)
        client = trainee.client

        def save(number: int) -> tuple[int, int]:
            body = {"seq": number, "no": 1, "value": ["B"]}
            return number, client.post(path, json=body, headers=OURS).status_code

        with cut_before_commit(stage, times=3), ThreadPoolExecutor(8) as pool:
            said = dict(pool.map(save, range(seq, seq + 24)))
        kept = set(answers(stage))
        assert set(said.values()) <= {200, 503}, said
        assert {number for number, status in said.items() if status == 200} <= kept

    def test_answers_everybody_while_the_database_refuses(self, stage, trainee, seq):
        with refused_at_commit(stage, "answer_record"):
            statuses = {save_answer(stage, trainee, seq=seq + n).status_code for n in range(3)}
        assert statuses == {500}


class TestRefusal:
    def test_is_on_record_although_its_transaction_was_rolled_back(self, stage):
        with stage.platform.unit() as work:
            count = text("SELECT count(*) FROM audit_entry WHERE outcome = 'refused' AND reason = 'role-not-allowed'")
            before = work.session.scalar(count)
        assert stage.browser("operator").get("/me/consents").status_code == 403
        path = with_ids("/me/attempts/{attempt_id}/answers", stage.ids)
        assert stage.browser("operator").post(path, {"seq": 1, "no": 1, "value": ["A"]}).status_code == 403
        with stage.platform.unit() as work:
            assert work.session.scalar(count) == before + 2
            row = work.session.execute(text("SELECT details FROM audit_entry ORDER BY at DESC, id DESC LIMIT 1")).one()
        assert json.dumps(row.details).count(stage.ids["attempt_id"]) == 1
