from __future__ import annotations

import pytest

from app.identity.events import ConsentWithdrawn

pytestmark = [pytest.mark.commits, pytest.mark.clause("L-PI-1")]


@pytest.fixture
def trainee(browser, listed):
    listed(1)
    made = browser()
    made.sign_in()
    return made


def states(trainee) -> dict[str, str]:
    return {item["purpose"]: item["state"] for item in trainee.get("/me/consents").json()["items"]}


def text_of(trainee, purpose: str) -> dict:
    return next(item for item in trainee.get("/me/consents").json()["items"] if item["purpose"] == purpose)


class TestReadConsents:
    def test_shows_one_text_for_each_purpose(self, trainee):
        items = trainee.get("/me/consents").json()["items"]
        assert [(item["purpose"], item["required"], item["state"]) for item in items] == [
            ("account", True, "unanswered"),
            ("id_card", True, "unanswered"),
            ("face_verify", False, "unanswered"),
            ("face_store_and_transfer", False, "unanswered"),
            ("push_to_realname_system", True, "unanswered"),
            ("recording", False, "unanswered"),
        ]
        assert all("## 怎样撤回" in item["body_markdown"] for item in items)

    def test_is_for_trainees_only(self, browser, hired):
        assert browser().get("/me/consents").status_code == 401
        assert hired().get("/me/consents").status_code == 403


class TestAnswer:
    def test_answers_one_purpose_at_a_time(self, trainee):
        sha256 = text_of(trainee, "id_card")["sha256"]
        answer = trainee.post("/me/consents/id_card", {"granted": True, "text_sha256": sha256})
        assert (answer.status_code, answer.json()["state"]) == (200, "given")
        assert [purpose for purpose, state in states(trainee).items() if state == "given"] == ["id_card"]

    def test_keeps_a_refusal(self, trainee):
        sha256 = text_of(trainee, "face_verify")["sha256"]
        trainee.post("/me/consents/face_verify", {"granted": False, "text_sha256": sha256})
        assert states(trainee)["face_verify"] == "refused"

    def test_refuses_another_text(self, trainee):
        other = text_of(trainee, "account")["sha256"]
        answer = trainee.post("/me/consents/id_card", {"granted": True, "text_sha256": other})
        assert (answer.status_code, answer.json()["code"]) == (409, "consent-text-changed")
        assert states(trainee)["id_card"] == "unanswered"

    def test_does_not_know_a_purpose_for_several(self, trainee):
        sha256 = text_of(trainee, "account")["sha256"]
        for purpose in ("all", "account,id_card", "notice"):
            answer = trainee.post(f"/me/consents/{purpose}", {"granted": True, "text_sha256": sha256})
            assert answer.status_code == 404

    @pytest.mark.parametrize("body", [{}, {"granted": "maybe", "text_sha256": "0" * 64}, {"granted": True}])
    def test_refuses_half_an_answer(self, trainee, body):
        assert trainee.post("/me/consents/account", body).status_code == 422


class TestWithdraw:
    def test_works_at_once(self, trainee):
        trainee.agree()
        heard = []
        trainee.platform.bus.on(ConsentWithdrawn, lambda _work, event: heard.append(event.purpose))
        answer = trainee.send("DELETE", "/me/consents/recording")
        assert answer.json()["state"] == "withdrawn"
        assert states(trainee)["recording"] == "withdrawn"
        assert heard == ["recording"]

    def test_is_harmless_before_any_answer(self, trainee):
        assert trainee.send("DELETE", "/me/consents/recording").json()["state"] == "unanswered"

    def test_stops_the_step(self, trainee):
        trainee.agree()
        steps = {step["key"]: step["done"] for step in trainee.get("/auth/me").json()["steps"]}
        assert steps["consents"]
        trainee.send("DELETE", "/me/consents/push_to_realname_system")
        steps = {step["key"]: step["done"] for step in trainee.get("/auth/me").json()["steps"]}
        assert not steps["consents"]
