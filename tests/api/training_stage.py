"""A class with a trainee who is ready to learn, behind the real application."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from app.core.ids import new_id
from app.core.work import Actor
from app.identity.models import Account, Organization, Passkey, Person, RealNameRecord
from app.training.classes.imports import RosterEntry, import_class, import_roster
from app.training.classes.opening import open_class
from app.training.models import TrainingClass
from proctoring import check_ins
from proctoring.models import PASSKEY
from proctoring.ports import Outcome
from tests.api.browser import Browser
from tests.app.training.factories import Cast, class_spec
from tests.app.training.playback.builders import RULES


@dataclass
class Stage:
    """What a test needs to know of the scene."""

    browser: Browser
    person_id: UUID
    class_id: UUID
    enrollment_id: UUID
    lesson_ids: list[UUID]

    @property
    def platform(self):
        return self.browser.platform

    @property
    def clock(self):
        return self.browser.clock

    def wait(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def open(self, number: int = 1, **more) -> dict:
        path = f"/me/enrollments/{self.enrollment_id}/lessons/{self.lesson_ids[number - 1]}/sessions"
        answer = self.browser.post(path, {"device_id": "device-0001"} | more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def prove(self, check_in: dict) -> None:
        """Answer a check-in well, as if a passkey had been verified."""
        nonce = self.browser.get(f"/me/check-ins/{check_in['id']}").json()["nonce"]
        with self.platform.unit() as work:
            begun = check_ins.begin_try(
                work, UUID(check_in["id"]), person_id=self.person_id, nonce=nonce, method=PASSKEY
            )
            check_ins.finish_try(work, begun.id, outcome=Outcome.PASS, verdict={"outcome": "pass"})

    def beat(self, session: dict, *intervals, wait_s: float = 15, **changes):
        """Send the next heartbeat of a session; its answer is merged into `session`."""
        self.wait(wait_s)
        body = {
            "seq": session["next_seq"],
            "token": session["token"],
            "intervals": [list(one) for one in intervals],
            "position_ms": 0,
            "rate": 1,
            "hidden": False,
            "muted": False,
            "playing": True,
            "client_at": "2026-03-02T09:00:00+08:00",
            **changes,
        }
        answer = self.browser.post(f"/me/sessions/{session['id']}/heartbeats", body)
        if answer.status_code == 200:
            told = answer.json()
            session |= told | {"token": told["next_token"], "next_seq": told["seq"] + 1}
        return answer


def set_stage(browser: Browser, person_id: UUID) -> Stage:
    """Open a demonstration class with one trainee who has confirmed everything and set a passkey."""
    platform = browser.platform
    with platform.unit() as work:
        cast = Cast.make(work)
        course = cast.published()
        found = import_class(work, class_spec(cast.organization_id), rules=RULES)
        entry = RosterEntry(person_id=person_id, learner_ref="XY001", category_code="employee")
        import_roster(work, class_id=found.id, roster_sha256="a" * 64, entries=[entry])
        open_class(cast.as_author, class_id=found.id, course_id=course.id)
        [enrollment] = cast.enrollments(found.id)
        make_ready(work, person_id=person_id, enrollment_id=enrollment.id)
        lessons = lesson_ids(work.session, found.id)
    return Stage(browser, person_id, found.id, enrollment.id, lessons)


def lesson_ids(session, class_id: UUID) -> list[UUID]:
    from app.training.models import Lesson

    return list(
        session.scalars(
            select(Lesson.id)
            .join(TrainingClass, TrainingClass.course_id == Lesson.course_id)
            .where(TrainingClass.id == class_id)
            .order_by(Lesson.position)
        )
    )


def make_ready(work, *, person_id: UUID, enrollment_id: UUID) -> None:
    """Confirm the real name of a trainee and give them a passkey."""
    work.session.get_one(Person, person_id).matched_at = work.now
    work.session.add_all(
        [
            RealNameRecord(
                id=new_id(),
                enrollment_id=enrollment_id,
                person_id=person_id,
                trade_code="CC-087",
                level="5",
                category_code="employee",
                phone_verified_at=work.now,
                matched_at=work.now,
                proof_object_ids=[],
                confirmed_at=work.now,
            ),
            Passkey(
                id=new_id(),
                person_id=person_id,
                credential_id=hashlib.sha256(person_id.bytes).digest(),
                public_key=b"x",
                sign_count=0,
                transports=[],
                is_backed_up=False,
                created_at=work.now,
            ),
        ]
    )
    work.session.flush()


def staff_of(work, browser_login: str) -> tuple[Actor, Organization]:
    """Find the account behind a signed-in staff browser, and its organisation."""
    account = work.session.scalars(select(Account).where(Account.login_name == browser_login)).one()
    actor = Actor(kind=account.role, account_id=account.id, organization_id=account.organization_id)
    return actor, work.session.get_one(Organization, account.organization_id)


def cast_of(work, author: str, reviewer: str) -> Cast:
    """Play with the accounts of two signed-in browsers."""
    actor, organization = staff_of(work, author)
    other, _ = staff_of(work, reviewer)
    return Cast(replace(work), organization.id, actor, other)
