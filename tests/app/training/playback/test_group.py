"""Heartbeats of many trainees through the group-commit writer, really committed, against check-ins at the same time."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.core.clock import FakeClock
from app.core.errors import DomainError
from app.core.group_commit import GroupCommit
from app.core.jobs import ProcrastinateQueue
from app.core.work import SYSTEM, Actor, EventBus, Work
from app.training import events
from app.training.models import Heartbeat, LessonProgress, PlaybackSession
from app.training.playback.completion import settle_progress
from app.training.playback.heartbeats import Submitted, TokenIssuer, record_heartbeats
from app.training.playback.rules import Beat
from app.training.playback.sessions import on_check_in_passed, open_session, set_check_in_plan
from tests.app.training.factories import Cast
from tests.conftest import NOW

PEOPLE = 12
pytestmark = pytest.mark.commits


@dataclass
class School:
    """A committing platform with a class of trainees that all sit in the first lesson."""

    database: object
    vault: object
    clock: FakeClock
    bus: EventBus
    players: list[tuple]

    @contextmanager
    def unit(self, actor: Actor = SYSTEM):
        with self.database.transaction() as session:
            yield self.work(session, actor=actor)

    def work(self, session, *, actor: Actor = SYSTEM) -> Work:
        return Work(
            session=session,
            now=self.clock.now(),
            actor=actor,
            bus=self.bus,
            jobs=ProcrastinateQueue(),
            vault=self.vault,
        )


@pytest.fixture
def school(database, vault):
    bus = EventBus()
    bus.on(
        events.RoundBegun,
        lambda work, event: set_check_in_plan(work, progress_id=event.place.progress_id, planned_ms=[50_000]),
    )
    made = School(database, vault, FakeClock(NOW), bus, [])
    with made.unit() as work:
        cast = Cast.make(work)
        opened = cast.opened(people=PEOPLE)
        for enrollment in cast.enrollments(opened.id):
            trainee = Actor(kind="trainee", person_id=enrollment.person_id)
            progress = work.session.scalars(
                select(LessonProgress).where(
                    LessonProgress.enrollment_id == enrollment.id, LessonProgress.position == 1
                )
            ).one()
            row = open_session(
                replace(work, actor=trainee),
                enrollment_id=enrollment.id,
                lesson_id=progress.lesson_id,
                device_id="x",
                user_agent_class=None,
                may_learn=lambda *_: None,
            )
            on_check_in_passed(work, subject_id=progress.id, purpose="sign_in")
            made.players.append((row.id, enrollment.person_id, progress.id))
    return made


@pytest.fixture
def writer(school):
    issuer = TokenIssuer(school.vault)

    def handle(session, batch: Sequence[Submitted]) -> Sequence[object]:
        return record_heartbeats(school.work(session), batch, issuer=issuer, check_ins_of=lambda *_: {})

    made = GroupCommit(school.database, handle, name="test-heartbeats")
    made.start()
    yield made
    made.stop()


class TestGroupCommit:
    def test_writes_the_heartbeats_of_all_at_once_and_settles_to_the_same(self, school, writer):
        issuer = TokenIssuer(school.vault)

        async def play() -> list:
            acks = []
            for number in (1, 2, 3):
                school.clock.advance(timedelta(seconds=15))
                at = (number - 1) * 15_000
                beats = [
                    Submitted(
                        session_id, person_id, issuer.token(session_id, number), Beat(number, ((at, at + 15_000),))
                    )
                    for session_id, person_id, _ in school.players
                ]
                acks = await asyncio.gather(*(writer.submit(beat) for beat in [*beats, *beats]))
            return acks

        acks = asyncio.run(play())
        assert {ack.credited_ms for ack in acks} == {45_000}
        with school.unit() as work:
            assert work.session.scalars(select(func.count()).select_from(Heartbeat)).one() == 3 * PEOPLE
            assert {settle_progress(work.session, p).credited_ms for *_, p in school.players} == {45_000}

    def test_takes_one_of_two_different_heartbeats_of_the_same_number(self, school, writer):
        issuer = TokenIssuer(school.vault)
        session_id, person_id, _ = school.players[0]
        school.clock.advance(timedelta(seconds=15))

        async def race() -> list:
            beats = [
                Submitted(session_id, person_id, issuer.token(session_id, 1), Beat(1, ((0, n),))) for n in (1, 2, 3)
            ]
            return await asyncio.gather(*(writer.submit(beat) for beat in beats), return_exceptions=True)

        answers = asyncio.run(race())
        assert sum(isinstance(answer, DomainError) for answer in answers) == 2

    def test_does_not_deadlock_with_check_ins_and_new_players(self, school, writer):
        issuer = TokenIssuer(school.vault)
        problems: list[Exception] = []

        def disturb() -> None:
            for _ in range(5):
                for _, _, progress_id in reversed(school.players):
                    try:
                        with school.unit() as work:
                            on_check_in_passed(work, subject_id=progress_id, purpose="random")
                    except Exception as problem:  # noqa: BLE001 - the test reports it
                        problems.append(problem)

        async def play() -> None:
            for number in range(1, 6):
                school.clock.advance(timedelta(seconds=15))
                await asyncio.gather(
                    *(
                        writer.submit(Submitted(s, p, issuer.token(s, number), Beat(number, ((0, number * 15_000),))))
                        for s, p, _ in school.players
                    )
                )

        thread = threading.Thread(target=disturb)
        thread.start()
        asyncio.run(play())
        thread.join()
        assert problems == []
        with school.unit() as work:
            for session_id, _, progress_id in school.players:
                settled = settle_progress(work.session, progress_id)
                assert settled.credited_ms == work.session.get_one(PlaybackSession, session_id).credited_ms


class TestOpenSession:
    def test_leaves_one_live_player_when_ten_open_at_once(self, school):
        _, person_id, progress_id = school.players[0]
        with school.unit() as work:
            progress = work.session.get_one(LessonProgress, progress_id)
            enrollment_id, lesson_id = progress.enrollment_id, progress.lesson_id
        problems: list[Exception] = []

        def start() -> None:
            try:
                with school.unit(Actor(kind="trainee", person_id=person_id)) as work:
                    open_session(
                        work,
                        enrollment_id=enrollment_id,
                        lesson_id=lesson_id,
                        device_id="y",
                        user_agent_class=None,
                        may_learn=lambda *_: None,
                    )
            except Exception as problem:  # noqa: BLE001 - the test reports it
                problems.append(problem)

        threads = [threading.Thread(target=start) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        with school.unit() as work:
            phases = work.session.scalars(
                select(PlaybackSession.phase).where(PlaybackSession.person_id == person_id)
            ).all()
        assert sorted(phases) == ["awaiting_sign_in", *["replaced"] * 10]
