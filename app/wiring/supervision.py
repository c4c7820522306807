"""Questions about a trainee that need several rooms to answer, and the rules of a trainee's class.

Clauses: CC-4.1.3a, CC-5.3.3c, CC-A2-4.2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.clock import china_iso
from app.core.db import Json
from app.core.errors import DomainError, Forbidden, NotFound
from app.identity.consents import has_consent, require_consents
from app.identity.queries import confirmed_enrollments, has_passkey
from app.identity.rules.steps import REQUIRED_PURPOSES
from app.policy.parameters import check_in_rules, exam_rules, lesson_rules
from app.policy.rules import Pack
from app.realname.pull import ClassTerms
from app.training.models import Enrollment, LessonProgress, TrainingClass
from exam.models import Attempt
from exam.parameters import ExamRules
from proctoring.models import EXAM_ATTEMPT, FACE, LESSON, PASSKEY
from proctoring.parameters import CheckInRules
from proctoring.queries import has_template, newest_of

FACE_CONSENTS = ("face_verify", "face_store_and_transfer")
Packs = Mapping[str, Pack]


class FaceRefused(Forbidden):
    """The person has not agreed to face comparison, or has taken the agreement back."""

    slug = "face-consent-missing"
    title = "您没有同意使用人脸，请改用指纹等其他方式，或先在“我的”页面同意"


class MethodMissing(Forbidden):
    """The person has no way to prove who they are."""

    slug = "no-identity-method"
    title = "请先登记人脸照片或设置指纹（通行密钥），再继续"


def class_terms(packs: Packs) -> dict[str, ClassTerms]:
    """Say what each policy pack means for the classes under it."""
    return {
        ref: ClassTerms(
            rules=lesson_rules(pack), online_max_share=pack.hours.online_max_share, is_claimable=pack.claimable
        )
        for ref, pack in packs.items()
    }


def class_of_enrollment(session: Session, enrollment_id: UUID) -> TrainingClass:
    """Find the class of an enrolment."""
    found = session.scalars(
        select(TrainingClass)
        .join(Enrollment, Enrollment.class_id == TrainingClass.id)
        .where(Enrollment.id == enrollment_id)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def enrollment_of_subject(session: Session, kind: str, subject_id: UUID) -> UUID:
    """Find whose enrolment a supervised subject belongs to."""
    queries = {
        LESSON: select(LessonProgress.enrollment_id).where(LessonProgress.id == subject_id),
        EXAM_ATTEMPT: select(Attempt.enrollment_id).where(Attempt.id == subject_id),
    }
    found = session.scalar(queries[kind])
    if found is None:
        raise NotFound
    return found


def check_in_rules_of(session: Session, packs: Packs, enrollment_id: UUID) -> CheckInRules:
    """Find how the trainees of an enrolment's class prove to be present."""
    return check_in_rules(packs[class_of_enrollment(session, enrollment_id).pack_ref])


def exam_rules_of(session: Session, packs: Packs, enrollment_id: UUID) -> ExamRules:
    """Find what the final exam of an enrolment's class must satisfy."""
    return exam_rules(packs[class_of_enrollment(session, enrollment_id).pack_ref])


def enrolment_rules(session: Session, packs: Packs, person_id: UUID) -> CheckInRules:
    """Find how many photos a person must have on file: the strictest of their classes."""
    refs = session.scalars(
        select(TrainingClass.pack_ref)
        .join(Enrollment, Enrollment.class_id == TrainingClass.id)
        .where(Enrollment.person_id == person_id, Enrollment.removed_at.is_(None))
        .distinct()
    ).all()
    rules = [check_in_rules(packs[ref]) for ref in refs]
    if not rules:
        raise NotFound("您还不在任何班级的名册上，请联系培训机构")
    return max(rules, key=lambda one: one.enrolment_photos_min)


def has_face_consent(session: Session, person_id: UUID) -> bool:
    """Tell whether a person agreed to face comparison *and* to keeping and handing on the pictures."""
    return all(has_consent(session, person_id, purpose) for purpose in FACE_CONSENTS)


def require_face_consent(session: Session, person_id: UUID) -> None:
    """Stop before a face is processed without agreement.

    Raises:
        FaceRefused: The agreement is missing.
    """
    if not has_face_consent(session, person_id):
        raise FaceRefused


def methods_of(session: Session, person_id: UUID) -> tuple[str, ...]:
    """List the ways a person can prove who they are, now.

    Raises:
        MethodMissing: There is none.
    """
    methods = []
    if has_template(session, person_id) and has_face_consent(session, person_id):
        methods.append(FACE)
    if has_passkey(session, person_id):
        methods.append(PASSKEY)
    if not methods:
        raise MethodMissing
    return tuple(methods)


def may_learn(session: Session, enrollment_id: UUID) -> str | None:
    """Tell what an enrolment still lacks before lessons; None when nothing."""
    person_id = session.scalar(select(Enrollment.person_id).where(Enrollment.id == enrollment_id))
    if person_id is None or enrollment_id not in confirmed_enrollments(session, person_id):
        return "请先完成实名信息确认，再开始学习"
    try:
        require_consents(session, person_id, REQUIRED_PURPOSES)
    except DomainError as missing:
        return missing.detail
    try:
        methods_of(session, person_id)
    except MethodMissing as missing:
        return missing.detail
    return None


def open_check_ins(session: Session, subject_ids: Sequence[UUID], now: datetime) -> Mapping[UUID, Json]:
    """Show the newest check-in that stops each subject's clock, for the answer to a heartbeat.

    The one-time code is not in it: the page asks for it when it shows the check-in.
    """
    return {
        check_in.subject_id: {
            "id": str(check_in.id),
            "purpose": check_in.purpose,
            "status": check_in.status,
            "methods": check_in.methods,
            "window_s": check_in.window_s,
            "expires_at": china_iso(check_in.expires_at) if check_in.expires_at else None,
            "is_over": check_in.expires_at is not None and now > check_in.expires_at,
        }
        for check_in in newest_of(session, subject_ids)
    }
