"""Which event is handled by whom, in which order: the table."""

from __future__ import annotations

from app.core.work import EventBus
from app.identity.events import ConsentWithdrawn, RealNameVerified
from app.reports.events import PaperSealed
from app.training.events import (
    CheckInFellDue,
    ClassClosed,
    ClassOpened,
    LessonCompleted,
    LessonRestarted,
    RosterChanged,
    RoundBegun,
    SessionOpened,
)
from app.wiring.facts import Ledgerkeeper
from app.wiring.reactions import Reactions
from app.wiring.supervision import Packs
from exam.events import AttemptOpened, ExamGraded, ExamStarted, ExamSubmitted, GateEvaluated
from proctoring.events import CheckInSettled


def connect(bus: EventBus, *, packs: Packs, platform_id: str) -> None:
    """Tie the rooms together.

    The fact is written before the reactions to it, so that the ledger tells a story in the order it happened.
    """
    facts, then = Ledgerkeeper(platform_id), Reactions(packs)

    bus.on(ClassOpened, facts.class_opened)
    bus.on(RosterChanged, facts.roster_changed)
    bus.on(ClassClosed, facts.class_closed)

    bus.on(RealNameVerified, facts.real_name_verified)
    bus.on(ConsentWithdrawn, then.forget_face)

    bus.on(SessionOpened, then.ask_sign_in)
    bus.on(RoundBegun, then.draw_check_ins)
    bus.on(CheckInFellDue, then.open_check_in)
    bus.on(LessonRestarted, then.cancel_check_ins)
    bus.on(LessonCompleted, facts.lesson_completed)

    bus.on(CheckInSettled, facts.check_in_settled)
    bus.on(CheckInSettled, then.settle)

    bus.on(GateEvaluated, facts.gate_evaluated)
    bus.on(GateEvaluated, then.pass_gate)

    bus.on(AttemptOpened, then.ask_identity)
    bus.on(ExamStarted, facts.exam_started)
    bus.on(ExamSubmitted, facts.exam_submitted)
    bus.on(ExamGraded, facts.exam_graded)
    bus.on(ExamGraded, then.make_paper)
    bus.on(PaperSealed, facts.paper_sealed)
