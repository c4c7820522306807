"""Everything training needs from other rooms, and a class ready to learn in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from uuid import UUID, uuid4

from sqlalchemy import select

from app.core.ids import new_id
from app.core.work import Actor, Work
from app.identity.models import Account, Organization, Person
from app.training.catalogue import load_trades
from app.training.classes.imports import ClassSpec, RosterEntry, import_class, import_roster
from app.training.classes.opening import open_class
from app.training.courses.authoring import CourseSpec, add_lesson, change_lesson, create_course
from app.training.courses.models import Course
from app.training.courses.review import publish_course, review_course, submit_course
from app.training.media.models import MediaAsset
from app.training.models import Enrollment, TrainingClass
from app.training.parameters import LessonRules
from tests.app.training.playback.builders import RULES


def _account(work: Work, role: str, *, organization_id: UUID | None = None, person_id: UUID | None = None) -> Actor:
    account = Account(
        id=new_id(),
        kind="trainee" if person_id else "staff",
        role=role,
        person_id=person_id,
        organization_id=organization_id,
        login_name=None if person_id else f"{role}-{uuid4().hex[:8]}",
        display_name=role,
        password_hash=None if person_id else "x",
        totp_secret_enc=None if person_id else "x",
        totp_last_step=0,
        created_at=work.now,
    )
    work.session.add(account)
    work.session.flush()
    return Actor(kind=role, account_id=account.id, person_id=person_id, organization_id=organization_id)


def make_organization(work: Work, *, kind: str = "institution") -> Organization:
    made = Organization(
        id=new_id(), kind=kind, authority_code=f"JG-{uuid4().hex[:12]}", name="测试培训学校", imported_at=work.now
    )
    work.session.add(made)
    work.session.flush()
    return made


def make_person(work: Work) -> UUID:
    index = hashlib.sha256(uuid4().bytes).hexdigest()
    made = Person(
        id=new_id(),
        name_enc="x",
        id_type="resident_id",
        id_number_enc="x",
        id_number_index=index,
        phone_enc="x",
        phone_index=index,
        has_phone=True,
        status="imported",
        birth_on=date(1990, 1, 1),
        sex="F",
        imported_at=work.now,
    )
    work.session.add(made)
    work.session.flush()
    return made.id


@dataclass
class Cast:
    """Who plays in a test."""

    work: Work
    organization_id: UUID
    author: Actor
    reviewer: Actor

    @classmethod
    def make(cls, work: Work, *, kind: str = "institution") -> Cast:
        organization = make_organization(work, kind=kind)
        author = _account(work, "institution_author", organization_id=organization.id)
        reviewer = _account(work, "institution_reviewer", organization_id=organization.id)
        return cls(work, organization.id, author, reviewer)

    def as_(self, actor: Actor) -> Work:
        return replace(self.work, actor=actor)

    @property
    def as_author(self) -> Work:
        return self.as_(self.author)

    @property
    def as_reviewer(self) -> Work:
        return self.as_(self.reviewer)

    def trainee(self, person_id: UUID | None = None) -> Actor:
        """A signed-in trainee."""
        return _account(self.work, "trainee", person_id=person_id or make_person(self.work))

    def media(self, *, duration_s: int = 60, **changes) -> MediaAsset:
        made = MediaAsset(
            **{
                "id": new_id(),
                "organization_id": self.organization_id,
                "upload_id": new_id(),
                "source_key": "upload/media/x",
                "source_sha256": "0" * 64,
                "file_name": "课件.mp4",
                "size_bytes": 1,
                "status": "ready",
                "container": "mp4",
                "duration_ms": duration_s * 1000,
                "play_key": "media/x",
                "play_sha256": "0" * 64,
                "warnings": [],
                "created_at": self.work.now,
                **changes,
            }
        )
        self.work.session.add(made)
        self.work.session.flush()
        return made

    def course(self, *, lessons: int = 2, hours: int = 1, duration_s: int = 60, **changes) -> Course:
        """A draft with lessons and media."""
        course = create_course(self.as_author, course_spec(**changes), trades=load_trades())
        for number in range(1, lessons + 1):
            lesson = add_lesson(self.as_author, course_id=course.id, title=f"第{number}讲", hours=hours)
            change_lesson(self.as_author, lesson_id=lesson.id, media_id=self.media(duration_s=duration_s).id)
        return course

    def published(self, *, rules: LessonRules = RULES, **changes) -> Course:
        course = self.course(**{"is_demo": True, **changes})
        submit_course(self.as_author, course_id=course.id)
        review_course(self.as_reviewer, course_id=course.id, approve=True, note="", checks=ALL_CHECKS)
        return publish_course(self.as_reviewer, course_id=course.id, rules=rules)

    def startable(self, *, people: int = 1, rules: LessonRules = RULES, **changes) -> TrainingClass:
        """An approved class with its roster, not opened yet."""
        found = import_class(self.work, class_spec(self.organization_id, **changes), rules=rules)
        entries = [
            RosterEntry(person_id=make_person(self.work), learner_ref=f"XY{n:03}", category_code="employee")
            for n in range(1, people + 1)
        ]
        import_roster(self.work, class_id=found.id, roster_sha256=uuid4().hex * 2, entries=entries)
        return found

    def opened(self, *, people: int = 1, rules: LessonRules = RULES, lessons: int = 2, **changes) -> TrainingClass:
        course = self.published(lessons=lessons, rules=rules, **changes)
        found = self.startable(people=people, rules=rules)
        return open_class(self.as_author, class_id=found.id, course_id=course.id)

    def enrollments(self, class_id: UUID) -> list[Enrollment]:
        return list(
            self.work.session.scalars(
                select(Enrollment).where(Enrollment.class_id == class_id).order_by(Enrollment.learner_ref)
            )
        )


ALL_CHECKS = {"standard": True, "textbook": True, "content": True}


def course_spec(**changes) -> CourseSpec:
    return CourseSpec(
        **{
            "title": "养老护理基础",
            "trade_code": "CC-087",
            "level": "5",
            "standard_code": "GZB 4-10-01-05",
            "textbook_title": "养老护理员（初级）",
            "textbook_isbn": "978-7-5045-0000-7",
            "source": "purchased",
            **changes,
        }
    )


def class_spec(organization_id: UUID, **changes) -> ClassSpec:
    return ClassSpec(
        **{
            "code": f"220100-{uuid4().hex[:10]}",
            "name": "养老护理员（五级）演示班",
            "organization_id": organization_id,
            "region": "220100",
            "trade_code": "CC-087",
            "trade_name": "养老护理员",
            "trade_class": "C",
            "is_urgent": True,
            "level": "5",
            "pack_ref": "demo@1",
            "is_claimable": False,
            "planned_hours": 80,
            "online_hours": 40,
            "online_max_share": Fraction(1, 2),
            "start_on": date(2026, 3, 1),
            "end_on": date(2026, 4, 1),
            "application_at": datetime(2026, 2, 10, 1, 0, tzinfo=UTC),
            "approval_no": "长人社培准演示0087号",
            "approved_at": datetime(2026, 2, 20, 1, 0, tzinfo=UTC),
            "supervision_profile": {"checkins_per_hour": 1},
            "source": {"theory_hours": 40},
            **changes,
        }
    )
