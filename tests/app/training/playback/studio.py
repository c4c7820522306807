"""A trainee in front of a lesson: drives the services as the web process would."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from app.core.clock import FakeClock
from app.core.work import Actor, Work
from app.training import events
from app.training.models import Enrollment, LessonProgress, PlaybackSession
from app.training.playback.heartbeats import Ack, Submitted, TokenIssuer, record_heartbeats
from app.training.playback.rules import Beat
from app.training.playback.sessions import on_check_in_passed, open_session, set_check_in_plan
from tests.app.training.factories import Cast

EVENTS = [
    events.CheckInFellDue,
    events.LessonCompleted,
    events.LessonRestarted,
    events.LessonWatched,
    events.RoundBegun,
    events.SessionLeft,
    events.SessionOpened,
]


@dataclass
class Studio:
    cast: Cast
    clock: FakeClock
    enrollment: Enrollment
    trainee: Actor
    plan: list[int]
    seen: list[object] = field(default_factory=list)
    session_id: UUID | None = None
    seq: int = 0
    token: str = ""

    @classmethod
    def make(cls, cast: Cast, clock: FakeClock, *, plan: tuple[int, ...] = (20_000,), **changes) -> Studio:
        opened = cast.opened(**changes)
        enrollment = cast.enrollments(opened.id)[0]
        studio = cls(cast, clock, enrollment, cast.trainee(enrollment.person_id), list(plan))
        bus = cast.work.bus
        for kind in EVENTS:
            bus.on(kind, lambda _work, event: studio.seen.append(event))
        bus.on(
            events.RoundBegun,
            lambda work, event: set_check_in_plan(work, progress_id=event.place.progress_id, planned_ms=studio.plan),
        )
        return studio

    @property
    def work(self) -> Work:
        return replace(self.cast.work, now=self.clock.now(), actor=self.trainee)

    @property
    def issuer(self) -> TokenIssuer:
        return TokenIssuer(self.cast.work.vault)

    def lesson(self, number: int = 1) -> LessonProgress:
        return self.cast.work.session.scalars(
            select(LessonProgress)
            .where(LessonProgress.enrollment_id == self.enrollment.id, LessonProgress.position == number)
            .execution_options(populate_existing=True)
        ).one()

    def row(self, session_id: UUID | None = None) -> PlaybackSession:
        self.cast.work.session.expire_all()
        return self.cast.work.session.get_one(PlaybackSession, session_id or self.session_id)

    def open(self, number: int = 1, *, device: str = "phone-1") -> PlaybackSession:
        row = open_session(
            self.work,
            enrollment_id=self.enrollment.id,
            lesson_id=self.lesson(number).lesson_id,
            device_id=device,
            user_agent_class="phone",
            may_learn=lambda _session, _enrollment: None,
        )
        self.session_id, self.seq = row.id, 0
        self.token = self.issuer.token(row.id, 1)
        return row

    def sign_in(self, number: int = 1, **members) -> PlaybackSession:
        row = self.open(number, **members)
        self.pass_check_in("sign_in", number)
        return row

    def pass_check_in(self, purpose: str = "random", number: int = 1) -> None:
        on_check_in_passed(self.work, subject_id=self.lesson(number).id, purpose=purpose)

    def submit(self, *submitted: Submitted) -> list:
        return record_heartbeats(
            replace(self.work, actor=Actor(kind="system")),
            submitted,
            issuer=self.issuer,
            check_ins_of=lambda _session, ids, _now: {progress_id: {"id": str(progress_id)} for progress_id in ids},
        )

    def beat(self, *intervals: tuple[int, int], wait_s: float = 15, **members) -> Ack:
        """Send the next heartbeat and remember the token of the one after it."""
        self.clock.advance(timedelta(seconds=wait_s))
        beat = Beat(self.seq + 1, tuple(intervals), **members)
        [ack] = self.submit(Submitted(self.session_id, self.trainee.person_id, self.token, beat))
        if isinstance(ack, Ack):
            self.seq, self.token = ack.seq, ack.next_token
        return ack

    def watch(self, number: int = 1) -> Ack:
        """Watch a one-minute lesson honestly to its end, passing the check-ins on the way."""
        for _ in range(20):
            at = self.row().covered[-1][1] if self.row().covered else 0
            ack = self.beat((at, at + 15_000), position_ms=at + 15_000)
            if ack.watched:
                return ack
            if ack.check_in:
                self.pass_check_in("random", number)
        raise AssertionError("the lesson never ended")

    def of(self, kind: type) -> list:
        return [event for event in self.seen if isinstance(event, kind)]
