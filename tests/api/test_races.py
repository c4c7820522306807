"""The same request many times at once: one effect, the same answer to everybody (bars 7 and 9, in small).

The full counts run in the benchmarks; here a few dozen threads show that nothing is done twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import httpx
import pytest
from sqlalchemy import text

from tests.api.conftest import staged
from tests.api.stage import Stage, with_ids
from tests.app.identity.samples import make_phone

pytestmark = pytest.mark.commits

OURS = {"X-Requested-With": "zhengxue"}
AT_ONCE = 16


@pytest.fixture(scope="module")
def own_stage(template, tmp_path_factory) -> Iterator[Stage]:
    """A stage of this module alone: its exam is handed in."""
    with staged(template, tmp_path_factory.mktemp("races")) as made:
        yield made


def at_once(call: Callable[[int], httpx.Response], *, times: int = AT_ONCE) -> list[httpx.Response]:
    """Call from many threads that start together."""
    barrier = Barrier(times)

    def run(number: int) -> httpx.Response:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def count(stage: Stage, query: str, **values: object) -> int:
    with stage.platform.unit() as work:
        return int(work.session.execute(text(query), values).scalar_one())


class TestAtOnce:
    def test_answers_with_the_same_number_are_kept_once(self, own_stage):
        client = own_stage.browser("trainee").client
        path = with_ids("/api/v1/me/attempts/{attempt_id}/answers", own_stage.ids)
        body = {"seq": 1, "no": 1, "value": ["A"]}
        answers = at_once(lambda _number: client.post(path, json=body, headers=OURS))
        assert {one.status_code for one in answers} == {200}
        assert len({one.json()["saved_at"] for one in answers}) == 1
        query = "SELECT count(*) FROM answer_record WHERE attempt_id = :id AND seq = 1"
        assert count(own_stage, query, id=own_stage.ids["attempt_id"]) == 1

    def test_other_content_under_a_used_number_is_refused(self, own_stage):
        client = own_stage.browser("trainee").client
        path = with_ids("/api/v1/me/attempts/{attempt_id}/answers", own_stage.ids)
        answers = at_once(
            lambda number: client.post(path, json={"seq": 2, "no": 1, "value": ["AB"[number % 2]]}, headers=OURS)
        )
        said = Counter(one.status_code for one in answers)
        assert said == {200: AT_ONCE // 2, 409: AT_ONCE // 2}

    def test_players_opened_on_many_devices_leave_one(self, own_stage):
        client = own_stage.browser("trainee").client
        path = with_ids("/api/v1/me/enrollments/{enrollment_id}/lessons/{lesson_id}/sessions", own_stage.ids)
        own_stage.browser("trainee").agree()
        with own_stage.platform.unit() as work:
            work.session.execute(
                text(
                    "INSERT INTO real_name_record (id, enrollment_id, person_id, trade_code, level, category_code,"
                    " phone_verified_at, matched_at, proof_object_ids, confirmed_at) VALUES"
                    " (gen_random_uuid(), :enrollment, :person, 'CC-087', '5', 'employee', now(), now(), '{}', now())"
                ),
                {"enrollment": own_stage.ids["enrollment_id"], "person": own_stage.world.persons[0]},
            )
        answers = at_once(
            lambda number: client.post(path, json={"device_id": f"device-{number:04}"}, headers=OURS), times=8
        )
        assert {one.status_code for one in answers} <= {201, 409, 503}
        query = (
            "SELECT count(*) FROM playback_session WHERE person_id = :id"
            " AND phase IN ('awaiting_sign_in', 'active', 'stopped')"
        )
        assert count(own_stage, query, id=own_stage.world.persons[0]) == 1

    def test_an_exam_handed_in_many_times_is_marked_once(self, own_stage):
        client = own_stage.browser("trainee").client
        path = with_ids("/api/v1/me/attempts/{attempt_id}/submit", own_stage.ids)
        answers = at_once(lambda _number: client.post(path, headers=OURS))
        assert {one.status_code for one in answers} == {200}
        results = {(one.json()["submitted_at"], str(one.json()["result"])) for one in answers}
        assert len(results) == 1
        query = "SELECT count(*) FROM ledger_entry WHERE event_type = :type AND payload->>'attempt_id' = :id"
        for event_type in ("exam.submitted", "exam.graded"):
            assert count(own_stage, query, type=event_type, id=own_stage.ids["attempt_id"]) == 1

    def test_a_code_lets_in_once(self, own_stage):
        own_stage.clock.advance(timedelta(minutes=5))
        guest = own_stage.browser()
        guest.post("/auth/sms-codes", {"phone": make_phone(2)})
        body = {"phone": make_phone(2), "code": guest.code()}
        before = count(own_stage, "SELECT count(*) FROM login_session")
        answers = at_once(lambda _number: guest.client.post("/api/v1/auth/sms-sign-in", json=body, headers=OURS))
        assert Counter(one.status_code for one in answers)[200] == 1
        assert count(own_stage, "SELECT count(*) FROM login_session") == before + 1

    def test_a_course_is_published_by_one_of_many(self, own_stage):
        author = own_stage.browser("other_author").client
        path = with_ids("/api/v1/courses/{course_id}/submit", own_stage.their_ids)
        answers = at_once(lambda _number: author.post(path, headers=OURS), times=8)
        assert Counter(one.status_code for one in answers) == {200: 1, 409: 7}


class TestChain:
    def test_holds_after_all_of_it(self, own_stage):
        from app.core.ledger import entries_of, find_break

        with own_stage.platform.unit() as work:
            entries = entries_of(work.session, own_stage.world.class_id)
            assert entries
            assert find_break(entries) is None
