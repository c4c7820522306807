"""What one room does because another room said something; always in the same transaction.

Clauses: CC-5.3.3c, CC-A2-4.4, CC-A2-4.6
"""

from __future__ import annotations

from dataclasses import dataclass

from app.core.work import Work
from app.identity.events import ConsentWithdrawn
from app.training.classes.opening import get_seed
from app.training.events import (
    CheckInFellDue,
    LearningPlace,
    LessonRestarted,
    RoundBegun,
    SessionOpened,
)
from app.training.playback import completion
from app.training.playback import sessions as players
from app.wiring.supervision import (
    FACE_CONSENTS,
    Packs,
    check_in_rules_of,
    class_of_enrollment,
    enrollment_of_subject,
    methods_of,
)
from exam import attempts
from exam.events import AttemptOpened, ExamGraded, GateEvaluated
from proctoring import check_ins, enrolment
from proctoring.check_ins import Subject
from proctoring.events import CheckInSettled
from proctoring.models import EXAM_ATTEMPT, EXAM_IDENTITY, LESSON, PASSED, SIGN_IN

PAPER_JOB = "make_paper_pdf"


@dataclass(frozen=True, slots=True)
class Reactions:
    """The handlers that cross rooms.

    Attributes:
        packs: Policy packs by reference.
    """

    packs: Packs

    def ask_sign_in(self, work: Work, event: SessionOpened) -> None:
        """A player was opened: ask who sits there before anything counts."""
        self._ask(work, _lesson(event.place), purpose=SIGN_IN, place=event.place)

    def draw_check_ins(self, work: Work, event: RoundBegun) -> None:
        """A round begins: draw its check-ins from the class's committed seed, in secret."""
        place = event.place
        rules = check_in_rules_of(work.session, self.packs, place.enrollment_id)
        moments = check_ins.draw_moments(
            get_seed(work, place.class_id),
            str(place.enrollment_id),
            str(place.lesson_id),
            str(place.round),
            hours=event.hours,
            hour_ms=event.hour_length_ms,
            rules=rules,
        )
        check_ins.plan(work, _lesson(place), moments_ms=moments, rules=rules)
        players.set_check_in_plan(work, progress_id=place.progress_id, planned_ms=moments)

    def open_check_in(self, work: Work, event: CheckInFellDue) -> None:
        """Credit reached a drawn moment: ask now."""
        check_ins.open_planned(
            work,
            _lesson(event.place),
            planned_ms=event.planned_ms,
            methods=methods_of(work.session, event.place.person_id),
        )

    def cancel_check_ins(self, work: Work, event: LessonRestarted) -> None:
        """A lesson begins anew: what was planned for the old round is void."""
        check_ins.cancel_open(work, event.place.progress_id)

    def settle(self, work: Work, event: CheckInSettled) -> None:
        """A check-in has its result: the lesson's clock, or the exam, goes by it."""
        if event.subject_kind == LESSON:
            if event.result == PASSED:
                players.on_check_in_passed(work, subject_id=event.subject_id, purpose=event.purpose)
            else:
                players.on_check_in_missed(
                    work, subject_id=event.subject_id, purpose=event.purpose, result=event.result
                )
        elif event.result == PASSED:
            enrollment_id = enrollment_of_subject(work.session, event.subject_kind, event.subject_id)
            seed = get_seed(work, class_of_enrollment(work.session, enrollment_id).id)
            attempts.confirm_identity(work, event.subject_id, seed=seed)

    def ask_identity(self, work: Work, event: AttemptOpened) -> None:
        """Somebody entered the exam room: ask who it is before the paper is drawn."""
        rules = check_in_rules_of(work.session, self.packs, event.enrollment_id)
        subject = Subject(kind=EXAM_ATTEMPT, id=event.attempt_id, person_id=event.person_id)
        check_ins.open_now(
            work, subject, purpose=EXAM_IDENTITY, rules=rules, methods=methods_of(work.session, event.person_id)
        )

    def pass_gate(self, work: Work, event: GateEvaluated) -> None:
        """A quiz is marked: go on, or study again."""
        completion.apply_gate_result(
            work, enrollment_id=event.enrollment_id, lesson_id=event.lesson_id, passed=event.passed
        )

    def make_paper(self, work: Work, event: ExamGraded) -> None:
        """An attempt is marked: its paper becomes a document."""
        work.jobs.defer(work.session, PAPER_JOB, attempt_id=str(event.attempt_id))

    def forget_face(self, work: Work, event: ConsentWithdrawn) -> None:
        """Agreement to face comparison was taken back: the template is deleted at once."""
        if event.purpose in FACE_CONSENTS:
            enrolment.withdraw(work, event.person_id)

    def _ask(self, work: Work, subject: Subject, *, purpose: str, place: LearningPlace) -> None:
        check_ins.open_now(
            work,
            subject,
            purpose=purpose,
            rules=check_in_rules_of(work.session, self.packs, place.enrollment_id),
            methods=methods_of(work.session, place.person_id),
        )


def _lesson(place: LearningPlace) -> Subject:
    return Subject(kind=LESSON, id=place.progress_id, person_id=place.person_id, round=place.round)
