"""One running application with everybody in it: two institutions, two trainees, two regions, the operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import select, text
from starlette.routing import Mount

from app.api.deps import ANONYMOUS, AUDITOR, AUTHOR, OPERATOR, REVIEWER, TRAINEE
from app.core.clock import FakeClock
from app.core.ids import new_id
from app.core.ledger import LedgerEntry
from app.identity.models import Account
from app.identity.people import import_organization
from app.identity.rules.passwords import approve_password
from app.identity.sessions import start_session
from app.identity.staff import create_staff
from app.training.courses.models import Lesson
from app.training.media.models import MediaAsset
from app.training.models import LessonProgress
from app.training.playback.sessions import open_session
from app.wiring import Platform
from exam import attempts, design
from exam.models import GateAttempt, Question
from proctoring.models import DUE, CheckIn
from tests.api.browser import Browser
from tests.api.faces import LabelledFaces
from tests.app.training.factories import Cast
from tests.reports.world import EXAM_RULES, World

KINDS = (ANONYMOUS, TRAINEE, AUTHOR, REVIEWER, AUDITOR, OPERATOR)
"""Every kind of actor; the matrix has a word for each."""

STRANGERS = {TRAINEE: "other_trainee", AUTHOR: "other_author", REVIEWER: "other_reviewer", AUDITOR: "other_auditor"}
"""Somebody of the same role to whom our class, course and lessons are none of their business."""

DUMMIES = {"sha256": "0" * 64, "purpose": "account", "key": "nothing/here"}
"""Path parameters that are no UUID: well-formed values of nothing."""

REGION, OTHER_REGION = "220100", "220200"
PASSWORD = "Bamboo-forest-7"


@dataclass
class Stage:
    """The application and who uses it.

    Attributes:
        ids: Real ids of things that belong to the first trainee or the first institution, by path parameter.
        their_ids: Real ids of the second institution: `course_id`, `lesson_id`, `class_id`.
    """

    platform: Platform
    clock: FakeClock
    app: FastAPI
    faces: LabelledFaces
    world: World
    accounts: dict[str, UUID]
    ids: dict[str, str]
    their_ids: dict[str, str]

    @classmethod
    def make(cls, platform: Platform, clock: FakeClock, app: FastAPI, *, faces: LabelledFaces) -> Stage:
        world = World.make(platform, clock)
        world.register()
        world.study(lessons=(1,))
        accounts, theirs = _hire(platform, world)
        made = cls(platform, clock, app, faces, world, accounts, ids={}, their_ids=theirs)
        made._begin()
        made.ids |= {name: str(value) for name, value in made._find_ids().items()}
        return made

    def token(self, name: str) -> str:
        """Sign somebody in; the cookie's value."""
        with self.platform.unit() as work:
            return start_session(work, work.session.get_one(Account, self.accounts[name]))

    def browser(self, name: str = ANONYMOUS) -> Browser:
        """A browser in which somebody is signed in."""
        made = Browser(self.platform, self.clock, app=self.app)
        if name != ANONYMOUS:
            made.plant(self.token(name))
        return made

    def fingerprint(self) -> dict[str, str]:
        """A hash of every table's rows, except what a look alone may change."""
        looks = {"login_session", "audit_entry", "throttle", "procrastinate_jobs", "procrastinate_events"}
        with self.platform.unit() as work:
            names = work.session.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            ).all()
            return {
                name: str(
                    work.session.scalar(text(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t"))
                )
                for name in names
                if name not in looks
            }

    def _begin(self) -> None:
        """The first trainee sits the exam and has the player of the second lesson open; a sign-in is due."""
        world = self.world
        enrollment_id = world.enrollments[0]
        with world.unit(0) as work:
            exam = design.find_exam(work, world.course_id)
            assert exam is not None
            attempt = attempts.open_attempt(
                work, exam, enrollment_id=enrollment_id, person_id=world.persons[0], rules=EXAM_RULES
            )
        world.pass_due(attempt.id, 0)
        with world.unit(0) as work:
            progress = work.session.scalars(
                select(LessonProgress).where(
                    LessonProgress.enrollment_id == enrollment_id, LessonProgress.position == 2
                )
            ).one()
            row = open_session(
                work,
                enrollment_id=enrollment_id,
                lesson_id=progress.lesson_id,
                device_id="phone-1",
                user_agent_class="phone",
                may_learn=lambda _session, _enrollment: None,
            )
        body = {"purpose": "proof", "file_name": "证明.pdf", "size_bytes": 3, "media_type": "application/pdf"}
        upload = self.browser(AUTHOR).post("/uploads", body).json()
        self.ids = {
            "attempt_id": str(attempt.id),
            "lesson_id": str(progress.lesson_id),
            "session_id": str(row.id),
            "upload_id": upload["id"],
        }

    def _find_ids(self) -> dict[str, Any]:
        world = self.world
        enrollment_id, person_id = world.enrollments[0], world.persons[0]
        with self.platform.unit() as work:
            find = work.session.scalars
            due = select(CheckIn.id).where(CheckIn.person_id == person_id, CheckIn.status == DUE)
            entries = find(select(LedgerEntry).where(LedgerEntry.subject_id == enrollment_id)).all()
            return {
                "enrollment_id": enrollment_id,
                "check_in_id": find(due).one(),
                "gate_id": find(select(GateAttempt.id).where(GateAttempt.enrollment_id == enrollment_id)).one(),
                "sha256": next(file["sha256"] for entry in entries for file in entry.files),
                "class_id": world.class_id,
                "course_id": world.course_id,
                "question_id": find(select(Question.id).limit(1)).one(),
                "media_id": find(
                    select(MediaAsset.id).where(MediaAsset.organization_id == world.cast.organization_id)
                ).first(),
            }


def _hire(platform: Platform, world: World) -> tuple[dict[str, UUID], dict[str, str]]:
    with platform.unit() as work:
        ours = Cast(work, world.cast.organization_id, world.cast.author, world.cast.reviewer)
        theirs = Cast.make(work)
        offices = {
            AUDITOR: import_organization(work, kind="bureau", authority_code="RS-1", name="甲市人社局", region=REGION),
            "other_auditor": import_organization(
                work, kind="bureau", authority_code="RS-2", name="乙市人社局", region=OTHER_REGION
            ),
            OPERATOR: import_organization(work, kind="operator", authority_code="YY-1", name="运营单位"),
        }
        actors = {
            TRAINEE: ours.trainee(world.persons[0]),
            "other_trainee": ours.trainee(world.persons[1]),
            AUTHOR: ours.author,
            REVIEWER: ours.reviewer,
            "other_author": theirs.author,
            "other_reviewer": theirs.reviewer,
        }
        accounts = {name: actor.account_id for name, actor in actors.items() if actor.account_id is not None}
        for name, office in offices.items():
            accounts[name] = create_staff(
                work,
                role=OPERATOR if name == OPERATOR else AUDITOR,
                organization_id=office.id,
                login_name=name.replace("_", "-"),
                display_name="工作人员",
                password=approve_password(PASSWORD, login_name=name),
            ).account_id
        course = theirs.course()
        their_ids = {
            "course_id": course.id,
            "lesson_id": work.session.scalars(select(Lesson.id).where(Lesson.course_id == course.id).limit(1)).one(),
            "class_id": theirs.startable().id,
        }
        return accounts, {name: str(value) for name, value in their_ids.items()}


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """List every (method, path) the application answers; the folder of built pages is left out."""
    found = set()
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, Mount):
            continue
        found |= {(method, context.path) for method in (context.methods or ()) if method != "HEAD"}
    return sorted(found, key=lambda route: (route[1], route[0]))


def with_ids(path: str, ids: dict[str, str] | None = None) -> str:
    """Fill the parameters of a path: from `ids`, else with well-formed ids of nothing."""
    known = ids or {}
    for part in path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}").split(":")[0]
            path = path.replace(part, known.get(name, DUMMIES.get(name) or str(new_id())))
    return path
