"""Trainees and staff without a browser: the public interface, call by call, in real time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from app.demo.journey.answers import right_keys
from app.demo.journey.people import Trainee

API = "/api/v1"
BEAT_S = 5.0
"""How often a lesson's progress is reported: often, so that little is lost at a check-in."""
TOTP_STEP_S = 30.0
PROOF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

Json = dict[str, Any]
Burst = Callable[[], Sequence[bytes]]
"""Takes fresh frames of whoever sits before the camera."""


class Refused(Exception):
    """The platform refused a call.

    Attributes:
        status: HTTP status.
        problem: The problem document.
    """

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail') or problem.get('title')}")
        self.status = status
        self.problem = problem


class Visitor:
    """One browser's worth of cookies against a running platform.

    Args:
        url: Address of the platform.
    """

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(
            base_url=f"{url}{API}", headers={"X-Requested-With": "zhengxue"}, timeout=60, trust_env=False
        )

    def __enter__(self) -> Self:
        """Keep the connection open."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._http.close()

    def call(self, method: str, path: str, **details: Any) -> httpx.Response:
        """Make one call.

        Raises:
            Refused: The answer is an error.
        """
        answer = self._http.request(method, path, **details)
        if answer.is_error:
            raise Refused(answer.status_code, answer.json())
        return answer

    def get(self, path: str, **query: Any) -> Any:
        """Read JSON."""
        return self.call("GET", path, params=query).json()

    def post(self, path: str, body: Json | None = None) -> Any:
        """Send JSON and read the answer."""
        answer = self.call("POST", path, json=body if body is not None else {})
        return answer.json() if answer.content else None

    def sign_in_as_staff(self, login: str, password: str) -> Json:
        """Sign in with the one-time code of this moment; a code that was used already is waited out."""
        for is_last in (False, True):
            code = next(one["totp"] for one in self.get("/demo/accounts")["staff"] if one["login_name"] == login)
            try:
                me: Json = self.post("/auth/sign-in", {"login_name": login, "password": password, "totp": code})
            except Refused:
                if is_last:
                    raise
                time.sleep(TOTP_STEP_S + 1 - time.time() % TOTP_STEP_S)
            else:
                return me
        raise AssertionError  # the last try returns or raises


class TraineeClient(Visitor):
    """A trainee of the demonstration class.

    Args:
        url: Address of the platform.
        trainee: Who it is.
        burst: The camera.
    """

    def __init__(self, url: str, trainee: Trainee, *, burst: Burst) -> None:
        super().__init__(url)
        self.trainee = trainee
        self.burst = burst
        self.check_ins: list[str] = []

    # From the telephone to the first lesson

    def sign_in(self) -> Json:
        """Ask for a code by SMS and sign in with it."""
        self.post("/auth/sms-codes", {"phone": self.trainee.phone})
        code = self._code_from_outbox()
        me: Json = self.post("/auth/sms-sign-in", {"phone": self.trainee.phone, "code": code})
        return me

    def _code_from_outbox(self) -> str:
        tail = self.trainee.phone[-4:]
        texts = [one["text"] for one in self.get("/sms-outbox")["items"] if one["phone_masked"].endswith(tail)]
        found = re.search(r"\d{6}", texts[0])
        if found is None:
            raise LookupError(texts[0])
        return found.group()

    def answer_consents(self, *, refused: frozenset[str] = frozenset()) -> None:
        """Answer every consent by itself."""
        for item in self.get("/me/consents")["items"]:
            granted = item["purpose"] not in refused
            self.post(f"/me/consents/{item['purpose']}", {"granted": granted, "text_sha256": item["sha256"]})

    def confirm_real_name(self) -> None:
        """Give name and ID number, hand proofs in where the category needs them, confirm every open class."""
        person = {"name": self.trainee.name, "id_number": self.trainee.id_number}
        for item in self.post("/me/real-name", person)["enrollments"]:
            path = f"/me/real-name/{item['enrollment_id']}"
            if not item["can_confirm"]:
                continue
            if item["needs_proof"]:
                self.call("POST", f"{path}/proofs", files={"file": ("证明.pdf", PROOF, "application/pdf")})
            self.post(f"{path}/confirm")

    def enrol_face(self, photos: Sequence[bytes]) -> Json:
        """Hand the photos in one by one, with pauses as a person makes."""
        answer: Json = {}
        for photo in photos:
            answer = self.call(
                "POST", "/me/face-enrolment/photos", files={"photo": ("photo.jpg", photo, "image/jpeg")}
            ).json()
            if not answer["accepted"]:
                raise AssertionError(answer["issues"])
            time.sleep(1.2)
        enrolment: Json = answer["enrolment"]
        return enrolment

    # Lessons

    def enrollment(self, class_code: str) -> Json:
        """Find my place in a class, with its lessons."""
        found = next(one for one in self.get("/me/enrollments")["items"] if one["class_code"] == class_code)
        detail: Json = self.get(f"/me/enrollments/{found['id']}")
        return detail

    def verify_by_face(self, check_in_id: str) -> Json:
        """Answer a check-in with a burst of my camera."""
        check_in = self.get(f"/me/check-ins/{check_in_id}")
        frames = [("frames", (f"{no}.jpg", frame, "image/jpeg")) for no, frame in enumerate(self.burst())]
        answer: Json = self.call(
            "POST", f"/me/check-ins/{check_in_id}/face", files=frames, data={"nonce": check_in["nonce"]}
        ).json()
        if answer["outcome"] == "pass":
            self.check_ins.append(check_in["purpose"])
        return answer

    def take_lesson(self, enrollment_id: str, lesson_id: str) -> Json:
        """Sign in to a lesson and watch it to its end in real time, checking in when asked.

        Returns:
            The last answer to a heartbeat.
        """
        path = f"/me/enrollments/{enrollment_id}/lessons/{lesson_id}/sessions"
        session = self.post(path, {"device_id": "journey-rest"})
        self._must_pass(session["check_in"]["id"])
        session = self.get(f"/me/sessions/{session['id']}")
        at_ms, seq, token = round(session["furthest_s"] * 1000), session["next_seq"], session["token"]
        started = time.monotonic()
        while True:
            left_s = session["needed_s"] - at_ms / 1000
            time.sleep(min(BEAT_S, max(left_s, 0.3)))
            end_ms = min(at_ms + round((time.monotonic() - started) * 1000), round(session["media_duration_s"] * 1000))
            started = time.monotonic()
            answer: Json = self.post(f"/me/sessions/{session['id']}/heartbeats", _beat(seq, token, at_ms, end_ms))
            at_ms, seq, token = round(answer["furthest_s"] * 1000), seq + 1, answer["next_token"]
            if answer["check_in"] is not None:
                self._must_pass(answer["check_in"]["id"])
                started = time.monotonic()
            if answer["watched"]:
                return answer

    def _must_pass(self, check_in_id: str) -> None:
        answer = self.verify_by_face(check_in_id)
        if answer["outcome"] != "pass":
            raise AssertionError(answer)

    def pass_gate(self, enrollment_id: str, lesson_id: str) -> Json:
        """Answer the quiz after a lesson."""
        gate = self.post(f"/me/enrollments/{enrollment_id}/lessons/{lesson_id}/gate")
        answers = [{"no": one["no"], "value": answer_of(one)} for one in gate["questions"]]
        result: Json = self.post(f"/me/gates/{gate['id']}/submit", {"answers": answers})
        return result

    # The final exam

    def start_exam(self, enrollment_id: str) -> Json:
        """Enter the exam room."""
        attempt: Json = self.post(f"/me/enrollments/{enrollment_id}/exam/start")
        return attempt

    def sit_exam(self, attempt_id: str) -> Json:
        """Prove who I am, answer every question, hand in."""
        attempt = self.get(f"/me/attempts/{attempt_id}")
        if attempt["state"] == "identity_pending":
            self._must_pass(attempt["check_in"]["id"])
            attempt = self.get(f"/me/attempts/{attempt_id}")
        for seq, question in enumerate(attempt["paper"]["questions"], attempt["last_seq"] + 1):
            answer = {"seq": seq, "no": question["no"], "value": answer_of(question)}
            self.post(f"/me/attempts/{attempt_id}/answers", answer)
        done: Json = self.post(f"/me/attempts/{attempt_id}/submit")
        return done

    def paper_pdf(self, attempt_id: str, *, within_s: float = 60) -> bytes:
        """Wait for the marked paper and download it."""
        deadline = time.monotonic() + within_s
        while not self.get(f"/me/attempts/{attempt_id}")["pdf_ready"]:
            if time.monotonic() > deadline:
                raise TimeoutError("the paper was not made")
            time.sleep(0.5)
        return self.call("GET", f"/me/attempts/{attempt_id}/paper.pdf").content


def answer_of(question: Json) -> list[str]:
    """Choose the right options of a question as shown."""
    return right_keys(question["stem"], [(option["key"], option["text"]) for option in question["options"]])


def _beat(seq: int, token: str, at_ms: int, end_ms: int) -> Json:
    return {
        "seq": seq,
        "token": token,
        "intervals": [[at_ms, end_ms]],
        "position_ms": end_ms,
        "rate": 1,
        "hidden": False,
        "muted": False,
        "playing": True,
    }
