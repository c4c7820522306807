"""A class of many trainees who are all in the middle of a lesson, written straight through the services."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from app.core.clock import SystemClock, local_date
from app.core.db import Database
from app.core.jobs import ProcrastinateQueue
from app.core.security import Vault
from app.core.settings import Settings
from app.core.work import Actor, EventBus, Work
from app.identity.models import Account
from app.identity.sessions import start_session
from app.training.classes.imports import RosterEntry, import_class, import_roster
from app.training.classes.opening import open_class
from app.training.events import RoundBegun
from app.training.models import Enrollment, LessonProgress
from app.training.playback.acks import TokenIssuer
from app.training.playback.sessions import on_check_in_passed, open_session, set_check_in_plan
from tests.app.training.factories import Cast, class_spec
from tests.app.training.playback.builders import RULES

LESSON_S = 7200
RULES_OF_BENCH = replace(RULES, hour_length_s=LESSON_S, heartbeat_interval_s=15)


@dataclass(frozen=True, slots=True)
class Learner:
    """What the load generator knows of one trainee."""

    cookie: str
    session_id: str
    token: str


def make_scene(url: str, settings: Settings, *, learners: int) -> list[Learner]:
    """Put `learners` trainees into active players of one open class."""
    database = Database(url)
    vault = Vault.from_secret(settings.secret.get_secret_value())
    issuer = TokenIssuer(vault)
    bus = EventBus()
    bus.on(
        RoundBegun,
        lambda work, event: set_check_in_plan(
            work, progress_id=event.place.progress_id, planned_ms=[LESSON_S * 1000 - 1]
        ),
    )
    made = []
    with database.transaction() as session:
        work = Work(
            session=session,
            now=SystemClock().now(),
            actor=Actor(kind="system"),
            bus=bus,
            jobs=ProcrastinateQueue(),
            vault=vault,
        )
        cast = Cast.make(work)
        course = cast.published(rules=RULES_OF_BENCH, lessons=1, duration_s=LESSON_S)
        today = local_date(work.now)
        spec = class_spec(
            cast.organization_id,
            start_on=today,
            end_on=today + timedelta(days=1),
            application_at=work.now - timedelta(days=9),
            approved_at=work.now - timedelta(days=1),
            planned_hours=240,
            online_hours=120,
        )
        found = import_class(work, spec, rules=RULES_OF_BENCH)
        actors = [cast.trainee() for _ in range(learners)]
        entries = [
            RosterEntry(person_id=actor.person_id, learner_ref=f"XY{number:05d}", category_code="employee")
            for number, actor in enumerate(actors)
            if actor.person_id is not None
        ]
        import_roster(work, class_id=found.id, roster_sha256="a" * 64, entries=entries)
        open_class(cast.as_author, class_id=found.id, course_id=course.id)
        enrollments = {row.person_id: row.id for row in session.scalars(select(Enrollment))}
        for actor in actors:
            theirs = replace(work, actor=actor)
            enrollment_id = enrollments[actor.person_id]
            progress = session.scalars(
                select(LessonProgress).where(LessonProgress.enrollment_id == enrollment_id)
            ).one()
            row = open_session(
                theirs,
                enrollment_id=enrollment_id,
                lesson_id=progress.lesson_id,
                device_id="bench",
                user_agent_class="phone",
                may_learn=lambda _session, _enrollment_id: None,
            )
            on_check_in_passed(theirs, subject_id=progress.id, purpose="sign_in")
            cookie = start_session(theirs, session.get_one(Account, actor.account_id))
            made.append(Learner(cookie, str(row.id), issuer.token(row.id, 1)))
    database.close()
    return made


def write_learners(path: Path, learners: list[Learner]) -> None:
    """Hand the learners to the load generator's process."""
    path.write_text(json.dumps([[one.cookie, one.session_id, one.token] for one in learners]), encoding="utf-8")


def read_learners(path: Path) -> list[Learner]:
    """Read what `write_learners` wrote."""
    return [Learner(*one) for one in json.loads(path.read_text(encoding="utf-8"))]
