"""Progress through the lessons: the quiz's result, completion with its settled hours, the next lesson.

Clauses: CC-4.3.3, CC-5.3.3c, CC-A2-4.4
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.ids import new_id
from app.core.work import Work
from app.training.classes.models import Enrollment, TrainingClass
from app.training.courses.models import Lesson
from app.training.errors import GateClosed, LessonNotFound, PlanMissing, SettlementDiffers
from app.training.events import LearningPlace, LessonCompleted, LessonRestarted, SessionSpan
from app.training.frozen_rules import thaw
from app.training.media.models import MediaAsset
from app.training.playback.models import LessonProgress, PlaybackSession
from app.training.playback.record import facts_of
from app.training.playback.rules import Terms
from app.training.playback.settlement import PlayFact, Settlement, settle


def apply_gate_result(work: Work, *, enrollment_id: UUID, lesson_id: UUID, passed: bool) -> None:
    """Take in the result of the quiz after a lesson: on to the next one, or study it again.

    Raises:
        LessonNotFound: The trainee has no such lesson.
        GateClosed: The lesson is not watched, or was completed before.

    Clauses:
        CC-A2-4.4.
    """
    progress = _lock_progress(work.session, enrollment_id=enrollment_id, lesson_id=lesson_id)
    if progress.status != "watched":
        raise GateClosed
    if passed:
        complete_lesson(work, progress_id=progress.id)
    else:
        _restart(work, progress)


def _lock_progress(session: Session, *, enrollment_id: UUID, lesson_id: UUID) -> LessonProgress:
    found = session.scalars(
        select(LessonProgress)
        .where(LessonProgress.enrollment_id == enrollment_id, LessonProgress.lesson_id == lesson_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise LessonNotFound
    return found


def _restart(work: Work, progress: LessonProgress) -> None:
    progress.round += 1
    progress.status = "open"
    progress.credited_ms = progress.furthest_ms = 0
    progress.check_plan = progress.watched_at = None
    work.session.flush()
    work.publish(LessonRestarted(place=_place(work.session, progress), at=work.now))


def complete_lesson(work: Work, *, progress_id: UUID) -> None:
    """Complete a watched lesson: settle its hours from the recorded facts and open the next one.

    Raises:
        SettlementDiffers: The facts do not come to the whole lesson; nothing is granted.

    Clauses:
        CC-4.3.3.
    """
    progress = work.session.get_one(LessonProgress, progress_id, with_for_update=True, populate_existing=True)
    facts = facts_of(work.session, progress.id, round_no=progress.round)
    settled = settle(facts, terms=terms_of_progress(work.session, progress))
    if settled.hours < progress.hours:
        raise SettlementDiffers(hours_settled=settled.hours, hours_needed=progress.hours)
    progress.status, progress.completed_at = "completed", work.now
    progress.credited_ms = settled.credited_ms
    work.session.flush()
    is_last = not _open_next(work.session, progress)
    work.publish(_completed(work, progress, settled, facts=facts, is_last=is_last))


def terms_of_progress(session: Session, progress: LessonProgress) -> Terms:
    """Say what the present round of a lesson is judged by.

    Raises:
        PlanMissing: Its check-ins were never drawn.
    """
    if not progress.check_plan:
        raise PlanMissing
    frozen = session.scalars(
        select(TrainingClass.lesson_rules)
        .join(Enrollment, Enrollment.class_id == TrainingClass.id)
        .where(Enrollment.id == progress.enrollment_id)
    ).one()
    return Terms(
        rules=thaw(frozen), duration_ms=progress.duration_ms, hours=progress.hours, plan=tuple(progress.check_plan)
    )


def settle_progress(session: Session, progress_id: UUID) -> Settlement:
    """Settle the present round of a lesson from its recorded facts; changes nothing.

    Raises:
        PlanMissing: The round has not begun.
    """
    progress = session.get_one(LessonProgress, progress_id)
    facts = facts_of(session, progress.id, round_no=progress.round)
    return settle(facts, terms=terms_of_progress(session, progress))


def _place(session: Session, progress: LessonProgress) -> LearningPlace:
    found = session.execute(
        select(Enrollment.class_id, Enrollment.person_id).where(Enrollment.id == progress.enrollment_id)
    ).one()
    return LearningPlace(
        progress_id=progress.id,
        enrollment_id=progress.enrollment_id,
        lesson_id=progress.lesson_id,
        class_id=found.class_id,
        person_id=found.person_id,
        round=progress.round,
    )


def _open_next(session: Session, progress: LessonProgress) -> bool:
    """Open the lesson after this one; whether any lesson is left."""
    left = session.scalars(
        select(LessonProgress)
        .where(LessonProgress.enrollment_id == progress.enrollment_id, LessonProgress.status != "completed")
        .order_by(LessonProgress.position)
        .with_for_update()
    ).all()
    if left and left[0].status == "locked":
        left[0].status = "open"
        session.flush()
    return bool(left)


def _completed(
    work: Work,
    progress: LessonProgress,
    settled: Settlement,
    *,
    facts: list[PlayFact],
    is_last: bool,
) -> LessonCompleted:
    return LessonCompleted(
        place=_place(work.session, progress),
        lesson_no=progress.position,
        lesson_title=work.session.scalars(select(Lesson.title).where(Lesson.id == progress.lesson_id)).one(),
        hours_granted=settled.hours,
        media_s=settled.credited_ms // 1000,
        wall_s=settled.wall_ms // 1000,
        watched_intervals=settled.watched,
        max_rate=f"{settled.max_rate_milli // 1000}.{settled.max_rate_milli % 1000 // 100}",
        hidden_s=settled.hidden_ms // 1000,
        checks_planned=len(progress.check_plan or ()),
        sessions=_spans(work.session, progress, facts),
        excluded_s={reason: ms // 1000 for reason, ms in settled.excluded_ms.items()},
        heartbeat_count=settled.heartbeat_count,
        heartbeats_sha256=settled.heartbeats_sha256,
        algorithm_version=settled.algorithm,
        is_last=is_last,
        at=work.now,
    )


def _spans(session: Session, progress: LessonProgress, facts: Iterable[PlayFact]) -> tuple[SessionSpan, ...]:
    last: dict[UUID, int] = {}
    for fact in facts:
        last[fact.session_id] = max(fact.at_ms, last.get(fact.session_id, 0))
    rows = session.scalars(
        select(PlaybackSession)
        .where(PlaybackSession.id.in_(last))
        .where(PlaybackSession.progress_id == progress.id)
        .order_by(PlaybackSession.opened_at, PlaybackSession.id)
    )
    return tuple(
        SessionSpan(
            session_id=row.id,
            start=row.opened_at,
            end=datetime.fromtimestamp(last[row.id] / 1000, UTC),
            ip=row.ip,
            device_hash=row.device_hash,
        )
        for row in rows
    )


def add_progress(session: Session, *, enrollment_ids: Iterable[UUID], course_id: UUID) -> None:
    """Lay out the lessons of a course for trainees who have none yet: the first open, the others locked."""
    wanted = list(enrollment_ids)
    known = set(session.scalars(select(LessonProgress.enrollment_id).where(LessonProgress.enrollment_id.in_(wanted))))
    lessons = session.execute(
        select(Lesson.id, Lesson.position, Lesson.hours, MediaAsset.duration_ms)
        .join(MediaAsset, MediaAsset.id == Lesson.media_id)
        .where(Lesson.course_id == course_id)
        .order_by(Lesson.position)
    ).all()
    session.add_all(
        LessonProgress(
            id=new_id(),
            enrollment_id=enrollment_id,
            lesson_id=lesson.id,
            position=number,
            hours=lesson.hours,
            duration_ms=lesson.duration_ms,
            round=1,
            status="open" if number == 1 else "locked",
            furthest_ms=0,
            credited_ms=0,
        )
        for enrollment_id in wanted
        if enrollment_id not in known
        for number, lesson in enumerate(lessons, start=1)
    )
    session.flush()


def lessons_left(session: Session, enrollment_id: UUID) -> int:
    """Count the lessons a trainee has not completed; the exam waits for none."""
    return session.scalars(
        select(func.count())
        .select_from(LessonProgress)
        .where(LessonProgress.enrollment_id == enrollment_id, LessonProgress.status != "completed")
    ).one()
