"""A trainee's lessons over HTTP: opening the player, heartbeats, check-ins, and what strangers cannot do."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.core.ids import new_id
from app.core.ledger import LedgerEntry
from app.training.models import LessonProgress, PlaybackSession
from tests.api.training_stage import set_stage

pytestmark = pytest.mark.commits


@pytest.fixture
def stage(browser, listed):
    """A signed-in trainee in an opened class; the hot paths are running."""
    person_id = listed(1)
    trainee = browser()
    with trainee.client:
        assert trainee.sign_in().status_code == 200
        trainee.agree()
        yield set_stage(trainee, person_id)


class TestEnrollments:
    def test_show_the_trainees_classes_with_hours_and_exam(self, stage):
        [item] = stage.browser.get("/me/enrollments").json()["items"]
        assert item["id"] == str(stage.enrollment_id)
        assert (item["hours_done"], item["hours_planned"], item["lessons_total"]) == (0, 2, 2)
        assert item["claimable"] is False
        assert item["exam"]["state"] == "none"

    @pytest.mark.clause("CC-A2-4.4")
    def test_show_the_first_lesson_open_and_the_rest_locked(self, stage):
        shown = stage.browser.get(f"/me/enrollments/{stage.enrollment_id}").json()
        assert [lesson["state"] for lesson in shown["lessons"]] == ["open", "locked"]
        assert shown["not_ready"] is None
        assert shown["lessons"][0]["gate"] == {"state": "closed", "pass_ratio_text": "共5题，答对3题通过"}

    def test_of_other_people_are_not_found(self, stage):
        assert stage.browser.get(f"/me/enrollments/{new_id()}").status_code == 404


class TestSessions:
    def test_wait_for_the_sign_in_and_name_the_check_in(self, stage):
        session = stage.open()
        assert session["state"] == "awaiting_sign_in"
        assert session["check_in"]["purpose"] == "sign_in"
        assert session["media_url"].startswith("/objects/media/x?")
        assert (session["next_seq"], session["needed_s"], session["media_duration_s"]) == (1, 60.0, 60.0)
        assert session["rules"] == {
            "playback_rate_max": "1",
            "seek_forward": False,
            "hidden_page_stops_clock": True,
        }

    @pytest.mark.clause("CC-5.3.3c", "CC-A2-4.3")
    def test_become_active_with_the_sign_in_and_draw_check_ins_in_secret(self, stage):
        session = stage.open()
        stage.prove(session["check_in"])
        shown = stage.browser.get(f"/me/sessions/{session['id']}").json()
        assert (shown["state"], shown["check_in"]) == ("active", None)
        with stage.platform.unit() as work:
            [moment] = work.session.get_one(PlaybackSession, session["id"]).plan
            events = work.session.scalars(select(LedgerEntry.event_type).order_by(LedgerEntry.seq)).all()
        assert 3_000 <= moment <= 57_000
        assert str(moment) not in stage.browser.get(f"/me/sessions/{session['id']}").text
        assert events == ["class.opened", "learner.enrolled", "lesson.signed_in"]

    def test_go_on_after_a_reload_with_the_same_number_and_token(self, stage):
        session = stage.open()
        stage.prove(session["check_in"])
        stage.beat(session, (0, 1_000), wait_s=1)
        shown = stage.browser.get(f"/me/sessions/{session['id']}").json()
        assert (shown["next_seq"], shown["token"]) == (2, session["next_token"])

    def test_cannot_be_opened_for_a_locked_lesson_or_another_class(self, stage):
        body = {"device_id": "device-0001"}
        locked = f"/me/enrollments/{stage.enrollment_id}/lessons/{stage.lesson_ids[1]}/sessions"
        assert stage.browser.post(locked, body).json()["code"] == "lesson-locked"
        foreign = f"/me/enrollments/{new_id()}/lessons/{stage.lesson_ids[0]}/sessions"
        assert stage.browser.post(foreign, body).status_code == 404

    def test_end_when_asked_and_stay_ended(self, stage):
        session = stage.open()
        for _ in range(2):
            assert stage.browser.post(f"/me/sessions/{session['id']}/end").json()["state"] == "ended"

    def test_are_for_trainees_only(self, stage, hired):
        clerk = hired()
        assert clerk.get("/me/enrollments").json()["code"] == "role-not-allowed"


class TestHeartbeats:
    @pytest.mark.clause("CC-4.3.3", "CC-5.3.3c")
    def test_earn_until_the_check_in_falls_due_and_go_on_after_it(self, stage):
        session = stage.open()
        stage.prove(session["check_in"])
        session = stage.browser.get(f"/me/sessions/{session['id']}").json()
        while session["state"] == "active":
            at = round(session["furthest_s"] * 1000)
            answer = stage.beat(session, (at, at + 15_000))
            assert answer.status_code == 200
        assert session["state"] == "stopped"
        assert session["check_in"]["purpose"] == "random"
        before = session["credited_s"]
        stage.beat(session, (0, 15_000))
        assert session["credited_s"] == before
        stage.prove(session["check_in"])
        for _ in range(10):
            at = round(session["furthest_s"] * 1000)
            stage.beat(session, (at, at + 15_000))
            if session["watched"]:
                break
        assert (session["state"], session["credited_s"]) == ("ended", 60.0)
        with stage.platform.unit() as work:
            assert {row.status for row in work.session.scalars(select(LessonProgress))} == {"watched", "locked"}

    def test_sent_twice_are_answered_alike(self, stage):
        session = stage.open()
        stage.prove(session["check_in"])
        first = dict(session)
        one = stage.beat(session, (0, 2_000), wait_s=2).json()
        again = stage.beat(first, (0, 2_000), wait_s=0).json()
        assert again == one

    def test_with_another_content_or_a_made_up_token_are_refused(self, stage):
        session = stage.open()
        stage.prove(session["check_in"])
        first = dict(session)
        stage.beat(session, (0, 2_000), wait_s=2)
        assert stage.beat(dict(first), (0, 1_000)).json()["code"] == "heartbeat-conflict"
        assert stage.beat(dict(session), (0, 1), token="x" * 22).json()["code"] == "token-forged"
        assert stage.beat(dict(session), (0, 1), seq=5).status_code in {403, 409}

    def test_need_a_signed_in_trainee(self, stage, browser, listed):
        session = stage.open()
        guest = browser()
        with guest.client:
            body = {
                "seq": 1,
                "token": session["token"],
                "intervals": [],
                "position_ms": 0,
                "rate": 1,
                "hidden": False,
                "muted": False,
                "playing": True,
            }
            path = f"/me/sessions/{session['id']}/heartbeats"
            assert guest.post(path, body).status_code == 401
            assert guest.post(path, body, headers={}).json()["code"] == "cross-site"
            listed(2)
            guest.sign_in(2)
            assert guest.post(path, body).status_code == 404

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("seq", 0),
            ("seq", True),
            ("seq", 10**30),
            ("token", None),
            ("token", "x" * 1000),
            ("intervals", [[0, -1]]),
            ("intervals", [[5, 1]]),
            ("intervals", [[0, 1, 2]]),
            ("intervals", [[0, 1.5]]),
            ("intervals", [[0, 1]] * 201),
            ("intervals", "all"),
            ("rate", -1),
            ("rate", "fast"),
            ("hidden", "no"),
            ("position_ms", 10**12),
            ("client_at", 5),
        ],
    )
    def test_of_the_wrong_form_name_the_wrong_member(self, stage, member, value):
        session = {"id": str(new_id()), "next_seq": 1, "token": "x"}
        answer = stage.beat(session, **{member: value})
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{member}"]

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"x" * 100_000])
    def test_that_are_no_small_json_object_are_refused(self, stage, body):
        answer = stage.browser.send("POST", f"/me/sessions/{new_id()}/heartbeats", content=body)
        assert answer.status_code == 422

    def test_of_an_odd_address_are_refused(self, stage):
        assert stage.beat({"id": "1", "next_seq": 1, "token": "x"}).status_code == 422
