"""What people enter never stands in a log: not in a line of a request, not in a fault, not in a refusal."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import pyotp
import pytest
import structlog
from sqlalchemy import text

from app.core.log import configure_logging
from tests.api.browser import Browser
from tests.api.stage import Stage, with_ids
from tests.api.test_commit import refused_at_commit
from tests.app.identity.samples import make_id_number, make_phone

pytestmark = pytest.mark.commits

NAME, OTHER_NAME = "温若竹", "江望舒"


class Listener:
    """Everything written to the log, and everything that must not stand there."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream
        self.secrets: dict[str, str] = {}

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    def keep_secret(self, **secrets: str) -> None:
        self.secrets |= secrets

    def leaks(self) -> list[str]:
        return [name for name, value in self.secrets.items() if value in self.text]


@pytest.fixture
def listener() -> Iterator[Listener]:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    configure_logging("DEBUG")
    stream = io.StringIO()
    root.handlers[0].setStream(stream)
    yield Listener(stream)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def sign_in(stage: Stage, listener: Listener, number: int = 1) -> Browser:
    stage.clock.advance(timedelta(minutes=5))
    guest = stage.browser()
    phone = make_phone(number)
    guest.post("/auth/sms-codes", {"phone": phone})
    code = guest.code()
    listener.keep_secret(phone=phone, code=code)
    assert guest.post("/auth/sms-sign-in", {"phone": phone, "code": code}).status_code == 200
    listener.keep_secret(**{f"cookie {name}": value for name, value in guest.client.cookies.items()})
    return guest


class TestLog:
    def test_holds_nothing_of_a_trainees_way(self, stage, listener):
        trainee = sign_in(stage, listener)
        number, other = make_id_number(sequence=1), make_id_number(sequence=2)
        listener.keep_secret(name=NAME, other_name=OTHER_NAME, id_number=number, other_id_number=other)
        trainee.get("/auth/me")
        trainee.agree("account", "id_card")
        trainee.post("/me/real-name", {"name": NAME, "id_number": number})
        trainee.post("/me/real-name", {"name": OTHER_NAME, "id_number": other})
        trainee.post("/me/real-name", {"name": OTHER_NAME, "id_number": [other]})
        trainee.post(f"/me/real-name/{number}/confirm")
        trainee.get(f"/me/enrollments/{make_phone(1)}")
        trainee.get(f"/nothing/{number}?q={NAME}&phone={make_phone(1)}")
        trainee.post("/me/passkeys/options")
        listener.keep_secret(nonce="nonce-of-a-check-in", token="token-of-a-heartbeat")
        trainee.post(with_ids("/me/check-ins/{check_in_id}/passkey", stage.ids), {"nonce": "nonce-of-a-check-in"})
        beat = {"seq": 0, "token": "token-of-a-heartbeat"}
        trainee.post(with_ids("/me/sessions/{session_id}/heartbeats", stage.ids), beat)
        trainee.post("/auth/sign-out")
        assert listener.text.count('"event": "request"') >= 8
        assert listener.leaks() == []

    def test_holds_nothing_of_a_staff_members_way(self, stage, listener):
        totp = pyotp.random_base32()
        words = {"password": "Bamboo-forest-7", "totp": "123456", "login": "bureau-auditor", "secret": totp}
        listener.keep_secret(**words)
        guest = stage.browser()
        guest.post("/auth/sign-in", {"login_name": words["login"], "password": words["password"], "totp": "123456"})
        auditor = stage.browser("bureau_auditor")
        listener.keep_secret(cookie=auditor.token, name=NAME, id_number=make_id_number(sequence=1))
        found = auditor.post(
            "/trace/search", {"id_number": make_id_number(sequence=1), "reason": f"核查{NAME}的补贴申领材料"}
        )
        clear = auditor.post(
            with_ids("/trace/enrollments/{enrollment_id}/person", stage.ids), {"reason": f"核查{NAME}的申领材料"}
        )
        assert (found.status_code, clear.json()["name"]) == (200, NAME)
        assert listener.leaks() == []

    def test_of_a_fault_tells_the_fault_and_not_the_person(self, stage, listener):
        """The statement that failed is logged, the values in it are not."""
        trainee, number = sign_in(stage, listener, 2), make_id_number(sequence=2)
        listener.keep_secret(name=OTHER_NAME, id_number=number)
        trainee.agree("account", "id_card")
        with refused_at_commit(stage, "audit_entry"):
            answer = trainee.post("/me/real-name", {"name": OTHER_NAME, "id_number": number})
        assert answer.status_code == 500
        with pytest.raises(Exception, match="hidden"), stage.platform.unit() as work:
            work.session.execute(text("INSERT INTO person (name_enc) VALUES (:name)"), {"name": OTHER_NAME})
        assert "request_failed" in listener.text
        assert "refused at COMMIT" in listener.text
        assert listener.leaks() == []

    def test_of_a_fault_carries_the_id_the_person_can_quote(self, stage, listener):
        trainee = sign_in(stage, listener)
        with refused_at_commit(stage, "audit_entry"):
            answer = trainee.post("/auth/sign-out")
        assert answer.status_code == 500
        failed = [json.loads(line) for line in listener.text.splitlines() if '"request_failed"' in line]
        assert [line["request_id"] for line in failed] == [answer.headers["x-request-id"]]

    def test_names_routes_without_their_ids(self, stage, listener):
        stage.browser("trainee").post(with_ids("/me/attempts/{attempt_id}/answers", stage.ids), {})
        (line,) = [json.loads(line) for line in listener.text.splitlines() if '"request"' in line]
        assert line["route"] == "/api/v1/me/attempts/{attempt_id}/answers"
        assert (line["method"], line["status"]) == ("POST", 422)
