"""How an event becomes an entry of the ledger: the only place that appends to it.

Payloads follow the field list of `rnp/1`; they hold ids, whole numbers, hashes and codes, never names or numbers of a
person. Nothing is computed here that the event does not say.

Clauses: CC-4.1.3b, CC-4.1.5, CC-A2-3.1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.core import ledger
from app.core.clock import china_iso
from app.core.db import Json
from app.core.ledger import Fact, FileRef
from app.core.work import Work
from app.identity.events import RealNameVerified
from app.reports.events import PaperSealed
from app.training.events import ClassClosed, ClassOpened, LessonCompleted, RosterChanged
from app.training.models import Enrollment, LessonProgress
from exam.events import ExamGraded, ExamStarted, ExamSubmitted, GateEvaluated
from exam.models import Attempt, Exam
from proctoring.events import CheckInSettled
from proctoring.models import EXAM_ATTEMPT, SIGN_IN
from proctoring.queries import counts_of


@dataclass(frozen=True, slots=True)
class Ledgerkeeper:
    """Writes events into the ledger.

    Attributes:
        platform_id: Our number at the city; part of every envelope.
    """

    platform_id: str

    def class_opened(self, work: Work, event: ClassOpened) -> None:
        """Open the class's chain; its first entry is the class, then each trainee."""
        ledger.open_chain(
            work,
            event.class_id,
            code=event.code,
            region=event.region,
            pack=event.pack_ref,
            is_claimable=event.is_claimable,
        )
        self._append(work, event.class_id, "class.opened", at=event.opened_at, payload=_class_payload(event))
        for learner in event.learners:
            self._append(
                work,
                event.class_id,
                "learner.enrolled",
                at=event.opened_at,
                payload={
                    "trade_code": event.trade_code,
                    "level": event.level,
                    "category_code": learner.category_code,
                },
                learner_ref=learner.learner_ref,
                subject_id=learner.enrollment_id,
            )

    def roster_changed(self, work: Work, event: RosterChanged) -> None:
        """Write who came and who left by a later roster."""
        self._append(
            work,
            event.class_id,
            "class.roster_changed",
            at=work.now,
            payload={
                "roster_sha256": event.roster_sha256,
                "added": [learner.learner_ref for learner in event.added],
                "removed": [learner.learner_ref for learner in event.removed],
            },
        )

    def class_closed(self, work: Work, event: ClassClosed) -> None:
        """Close the chain: the seed is revealed, everything drawn can be drawn again by anybody."""
        entries = ledger.entries_of(work.session, event.class_id)
        counts: dict[str, int] = {}
        for entry in entries:
            counts[entry.event_type] = counts.get(entry.event_type, 0) + 1
        self._append(
            work,
            event.class_id,
            "class.closed",
            at=event.closed_at,
            payload={
                "counts": counts,
                "first_seq": 1,
                "last_seq": len(entries),
                "seed": event.seed,
                "seed_commitment": event.seed_commitment,
            },
        )

    def real_name_verified(self, work: Work, event: RealNameVerified) -> None:
        """Write that a person is who they say, without saying who."""
        self._about(
            work,
            event.enrollment_id,
            "learner.registered",
            at=event.verified_at,
            payload={
                "id_type": event.id_type,
                "birth_year": event.birth_year,
                "sex": event.sex,
                "hukou_region": event.hukou_region,
                "education": event.education,
                "trade_code": event.trade_code,
                "level": event.level,
                "category_code": event.category_code,
                "verify_method": event.verify_method,
                "verified_at": china_iso(event.verified_at),
                "phone_verified_at": china_iso(event.phone_verified_at),
                "consent_versions": dict(event.consent_versions),
            },
            files=[
                FileRef(sha256=proof.sha256, bytes=proof.size_bytes, media_type=proof.media_type, kind="category_proof")
                for proof in event.proofs
            ],
        )

    def check_in_settled(self, work: Work, event: CheckInSettled) -> None:
        """Write a check-in, a sign-in or an identity check at an exam, by what it supervised."""
        if event.subject_kind == EXAM_ATTEMPT:
            self._exam_identity(work, event)
            return
        progress = work.session.get_one(LessonProgress, event.subject_id)
        event_type = "lesson.signed_in" if event.purpose == SIGN_IN else "checkin.completed"
        payload = _check_in_payload(event) | {
            "lesson_id": str(progress.lesson_id),
            "lesson_no": progress.position,
            "round": progress.round,
        }
        self._about(
            work,
            progress.enrollment_id,
            event_type,
            at=event.answered_at or work.now,
            payload=payload,
            files=event.files,
        )

    def _exam_identity(self, work: Work, event: CheckInSettled) -> None:
        attempt = work.session.get_one(Attempt, event.subject_id)
        self._about(
            work,
            attempt.enrollment_id,
            "exam.identity_checked",
            at=event.answered_at or work.now,
            payload=_check_in_payload(event) | {"attempt_id": str(attempt.id), "exam_id": str(attempt.exam_id)},
            files=event.files,
        )

    def lesson_completed(self, work: Work, event: LessonCompleted) -> None:
        """Write a granted lesson with all that it rests on."""
        checks = counts_of(work.session, event.place.progress_id, round_=event.place.round)
        self._append(
            work,
            event.place.class_id,
            "lesson.completed",
            at=event.at,
            payload={
                "lesson_id": str(event.place.lesson_id),
                "lesson_no": event.lesson_no,
                "lesson_title": event.lesson_title,
                "round": event.place.round,
                "hours_granted": event.hours_granted,
                "media_seconds": event.media_s,
                "wall_seconds": event.wall_s,
                "watched_intervals": [list(stretch) for stretch in event.watched_intervals],
                "max_rate": event.max_rate,
                "hidden_seconds": event.hidden_s,
                "excluded_seconds": dict(event.excluded_s),
                "checkins_required": event.checks_planned,
                "checkins_passed": checks.passed,
                "checkins_missed": checks.missed,
                "sessions": [
                    {
                        "start": china_iso(span.start),
                        "end": china_iso(span.end),
                        "ip": span.ip,
                        "device_id_hash": span.device_hash,
                    }
                    for span in event.sessions
                ],
                "heartbeat_count": event.heartbeat_count,
                "heartbeats_sha256": event.heartbeats_sha256,
                "algorithm_version": event.algorithm_version,
            },
            learner_ref=_learner_ref(work, event.place.enrollment_id),
            subject_id=event.place.enrollment_id,
        )

    def gate_evaluated(self, work: Work, event: GateEvaluated) -> None:
        """Write a gate quiz and which way it leads."""
        self._about(
            work,
            event.enrollment_id,
            "quiz.gate_evaluated",
            at=event.submitted_at,
            payload={
                "lesson_id": str(event.lesson_id),
                "lesson_no": work.session.get_one(LessonProgress, event.progress_id).position,
                "gate_id": str(event.gate_id),
                "round": event.round,
                "attempt_no": event.attempt_no,
                "question_ids_hash": event.questions_sha256,
                "score": event.score,
                "total": event.total,
                "pass_score": event.pass_score,
                "passed": event.passed,
                "next": "advance" if event.passed else "restudy",
                "started_at": china_iso(event.started_at),
                "submitted_at": china_iso(event.submitted_at),
            },
        )

    def exam_started(self, work: Work, event: ExamStarted) -> None:
        """Write which paper was frozen for whom, and until when it runs."""
        self._about(
            work,
            event.enrollment_id,
            "exam.started",
            at=event.started_at,
            payload={
                "exam_id": str(event.exam_id),
                "attempt_id": str(event.attempt_id),
                "paper_id": str(event.paper_id),
                "paper_sha256": event.paper_sha256,
                "question_count": event.question_count,
                "bank_count": event.bank_count,
                "bank_ratio": f"{event.bank_count}/{event.question_count}",
                "duration_s": event.duration_s,
                "deadline_at": china_iso(event.deadline_at),
            },
        )

    def exam_submitted(self, work: Work, event: ExamSubmitted) -> None:
        """Write how the attempt ended."""
        self._about(
            work,
            event.enrollment_id,
            "exam.submitted",
            at=event.submitted_at,
            payload={
                "attempt_id": str(event.attempt_id),
                "mode": event.mode,
                "answered": event.answered_count,
                "answer_count": event.answer_count,
                "answer_log_sha256": event.answers_sha256,
                "elapsed_s": event.elapsed_s,
            },
        )

    def exam_graded(self, work: Work, event: ExamGraded) -> None:
        """Write the marks, and whether a certificate may be printed."""
        self._about(
            work,
            event.enrollment_id,
            "exam.graded",
            at=event.graded_at,
            payload={
                "attempt_id": str(event.attempt_id),
                "exam_id": str(event.exam_id),
                "objective_score": event.score,
                "subjective_score": 0,
                "total": event.total,
                "pass_score": event.pass_score,
                "passed": event.outcome == "passed",
                "outcome": event.outcome,
                "marker": "auto",
                "identity_checks": event.identity_check_count,
                "identity_status": "unverified" if event.outcome == "identity_unverified" else "verified",
            },
        )
        self._about(
            work,
            event.enrollment_id,
            "certificate.eligibility",
            at=event.graded_at,
            payload=_eligibility(work, event),
        )

    def paper_sealed(self, work: Work, event: PaperSealed) -> None:
        """Write that the paper exists as a document."""
        self._about(
            work,
            event.enrollment_id,
            "exam.paper_pdf",
            at=work.now,
            payload={
                "attempt_id": str(event.attempt_id),
                "pages": event.page_count,
                "content_sha256": event.content_sha256,
                "template_version": event.template_version,
            },
            files=[event.file],
        )

    def _about(
        self,
        work: Work,
        enrollment_id: UUID,
        event_type: str,
        *,
        at: datetime,
        payload: Json,
        files: Sequence[FileRef] = (),
    ) -> None:
        enrollment = work.session.get_one(Enrollment, enrollment_id)
        self._append(
            work,
            enrollment.class_id,
            event_type,
            at=at,
            payload=payload,
            learner_ref=enrollment.learner_ref,
            subject_id=enrollment_id,
            files=files,
        )

    def _append(
        self,
        work: Work,
        class_id: UUID,
        event_type: str,
        *,
        at: datetime,
        payload: Json,
        learner_ref: str | None = None,
        subject_id: UUID | None = None,
        files: Sequence[FileRef] = (),
    ) -> None:
        ledger.append(
            work,
            class_id,
            Fact(
                event_type=event_type,
                payload=payload,
                occurred_at=at,
                learner_ref=learner_ref,
                subject_id=subject_id,
                files=tuple(files),
            ),
            platform_id=self.platform_id,
        )


def _learner_ref(work: Work, enrollment_id: UUID) -> str:
    return work.session.get_one(Enrollment, enrollment_id).learner_ref


def _class_payload(event: ClassOpened) -> Json:
    return {
        "name": event.name,
        "trade_code": event.trade_code,
        "trade_name": event.trade_name,
        "class_abc": event.trade_class,
        "urgent": event.is_urgent,
        "level": event.level,
        "planned_hours": event.planned_hours,
        "online_hours": event.online_hours,
        "start": event.start_on.isoformat(),
        "end": event.end_on.isoformat(),
        "headcount": len(event.learners),
        "roster_sha256": event.roster_sha256,
        "course_ids": [str(event.course_id)],
        "course_title": event.course_title,
        "application_at": china_iso(event.application_at),
        "approved_at": china_iso(event.approved_at),
        "approval_no": event.approval_no,
        "supervision_profile": event.supervision_profile,
        "seed_commitment": event.seed_commitment,
        "authority": event.source,
    }


def _check_in_payload(event: CheckInSettled) -> Json:
    return {
        "checkin_id": str(event.check_in_id),
        "purpose": event.purpose,
        "result": event.result,
        "method": event.method,
        "draw_position_ms": event.planned_ms,
        "due_time": china_iso(event.due_at),
        "answered_at": china_iso(event.answered_at) if event.answered_at else None,
        "window_s": event.window_s,
        "attempts": event.try_count,
        "verdict": event.verdict,
        "operator": None,
    }


def _eligibility(work: Work, event: ExamGraded) -> Json:
    exam = work.session.get_one(Exam, event.exam_id)
    rows = work.session.scalars(select(LessonProgress).where(LessonProgress.enrollment_id == event.enrollment_id)).all()
    done = sum(row.hours for row in rows if row.status == "completed")
    planned = sum(row.hours for row in rows)
    reasons = [
        name
        for name, holds in (
            ("hours_incomplete", done < planned),
            ("exam_not_passed", event.outcome == "failed"),
            ("identity_unverified", event.outcome == "identity_unverified"),
        )
        if holds
    ]
    return {
        "eligible": not reasons,
        "reasons": reasons,
        "online_hours_valid": done,
        "online_hours_planned": planned,
        "exam_attempt_id": str(event.attempt_id),
        "exam_title": exam.title,
        "score": event.score,
        "list_version": 1,
    }
