"""Check-ins: drawn by committed chance, opened by the server, answered within a window, settled once.

A check-in is `planned` (its moment is drawn and secret), `due` (open to the trainee), and then `passed`, `failed`
(tries used up) or `missed` (window over); `canceled` when what it supervised went away. Every answer is kept.

Clauses: CC-5.3.3c, CC-A2-4.4, CC-A2-4.7
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from app.core.chance import Draw
from app.core.db import Json
from app.core.ledger import FileRef
from app.core.security import new_token, token_hash
from app.core.work import Work
from proctoring.errors import CheckInClosed, CheckInNotFound, MethodNotOffered, NonceExpired
from proctoring.events import CheckInSettled
from proctoring.models import (
    CANCELED,
    DUE,
    FAILED,
    MAKE_UP,
    MISSED,
    PASSED,
    PLANNED,
    RANDOM,
    CheckIn,
    CheckInTry,
)
from proctoring.parameters import CheckInRules
from proctoring.ports import Outcome

NONCE_VALID = timedelta(seconds=60)
PENDING_TRY = timedelta(seconds=30)
"""A try that has no verdict after this long was cut off; it does not count."""

PENDING = "pending"
ABORTED = "aborted"

_TRANSITIONS: dict[str, frozenset[str]] = {
    PLANNED: frozenset({DUE, CANCELED}),
    DUE: frozenset({PASSED, FAILED, MISSED, CANCELED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is supervised.

    Attributes:
        kind: `lesson` or `exam_attempt`.
        id: Progress of the lesson, or the attempt.
        person_id: The trainee.
        round: How often the subject was begun anew; 1 for the first time.
    """

    kind: str
    id: UUID
    person_id: UUID
    round: int = 1


def transition(check_in: CheckIn, status: str, *, now: datetime) -> None:
    """Move a check-in to another status; the only door.

    Raises:
        CheckInClosed: The move is not legal.
    """
    if status not in _TRANSITIONS.get(check_in.status, frozenset()):
        raise CheckInClosed(check_in_status=check_in.status)
    check_in.status = status
    if status != DUE:
        check_in.settled_at = now


def draw_moments(seed: bytes, *label: str, hours: int, hour_ms: int, rules: CheckInRules) -> list[int]:
    """Draw the moments of the random check-ins on the subject's own clock, in milliseconds, ascending.

    Args:
        seed: The class's committed seed.
        *label: What names the subject; the hour's and the check-in's numbers are added.
        hours: Lesson hours of the subject.
        hour_ms: Length of one hour on that clock, in milliseconds.
        rules: How many per hour, and in which part of it.
    """
    first, last = int(rules.draw_from * hour_ms), int(rules.draw_to * hour_ms)
    return sorted(
        hour * hour_ms + Draw(seed, "check-in", *label, str(hour), str(number)).between(first, last)
        for hour in range(hours)
        for number in range(rules.per_hour)
    )


def plan(work: Work, subject: Subject, *, moments_ms: Sequence[int], rules: CheckInRules) -> None:
    """Write down the drawn moments of a subject; doing it again changes nothing."""
    known = set(
        work.session.scalars(
            select(CheckIn.planned_ms).where(CheckIn.subject_id == subject.id, CheckIn.round == subject.round)
        )
    )
    for moment in moments_ms:
        if moment not in known:
            work.session.add(_new(subject, RANDOM, rules, planned_ms=moment))
    work.session.flush()


def open_planned(work: Work, subject: Subject, *, planned_ms: int, methods: Sequence[str]) -> CheckIn:
    """Open the check-in that was drawn for `planned_ms`; opening it twice gives the same one."""
    check_in = work.session.scalars(
        select(CheckIn)
        .where(CheckIn.subject_id == subject.id, CheckIn.round == subject.round, CheckIn.planned_ms == planned_ms)
        .with_for_update()
    ).one_or_none()
    if check_in is None:
        raise CheckInNotFound
    if check_in.status == PLANNED:
        _open(work, check_in, methods)
    return check_in


def open_now(
    work: Work,
    subject: Subject,
    *,
    purpose: str,
    rules: CheckInRules,
    methods: Sequence[str],
    replaces: CheckIn | None = None,
) -> CheckIn:
    """Open a check-in that is due at once: sign-in, make-up, identity at an exam.

    One that is open already for the same purpose is given back instead of a second one.
    """
    found = work.session.scalars(
        select(CheckIn)
        .where(CheckIn.subject_id == subject.id, CheckIn.purpose == purpose, CheckIn.status == DUE)
        .with_for_update()
    ).one_or_none()
    if found is not None and not _is_over(found, work.now):
        return found
    if found is not None:
        miss(work, found)
    check_in = _new(subject, purpose, rules)
    check_in.replaces_id = replaces.id if replaces else None
    work.session.add(check_in)
    _open(work, check_in, methods)
    return check_in


def make_up(work: Work, check_in_id: UUID, *, person_id: UUID, rules: CheckInRules, methods: Sequence[str]) -> CheckIn:
    """Open another chance after a missed or failed check-in.

    Raises:
        CheckInNotFound: It is not this person's.
        CheckInClosed: It was passed, or is still open.
    """
    missed = get_own(work, check_in_id, person_id=person_id)
    if missed.status == DUE and _is_over(missed, work.now):
        miss(work, missed)
    if missed.status not in {MISSED, FAILED}:
        raise CheckInClosed("这次验证不需要重做", check_in_status=missed.status)
    purpose = MAKE_UP if missed.purpose in {RANDOM, MAKE_UP} else missed.purpose
    subject = Subject(kind=missed.subject_kind, id=missed.subject_id, person_id=missed.person_id, round=missed.round)
    return open_now(work, subject, purpose=purpose, rules=rules, methods=methods, replaces=missed)


def get_own(work: Work, check_in_id: UUID, *, person_id: UUID, lock: bool = False) -> CheckIn:
    """Find a person's own check-in.

    Raises:
        CheckInNotFound: There is none, it is not open yet, or it is somebody else's.
    """
    query = select(CheckIn).where(CheckIn.id == check_in_id, CheckIn.person_id == person_id, CheckIn.status != PLANNED)
    check_in = work.session.scalars(query.with_for_update() if lock else query).one_or_none()
    if check_in is None:
        raise CheckInNotFound
    return check_in


def issue_nonce(work: Work, check_in: CheckIn) -> str | None:
    """Issue the one-time code that the next answer must carry; None when the check-in is closed."""
    if check_in.status != DUE or _is_over(check_in, work.now):
        return None
    nonce = new_token()
    check_in.nonce_hash = token_hash(nonce)
    check_in.nonce_expires_at = work.now + NONCE_VALID
    return nonce


def begin_try(
    work: Work, check_in_id: UUID, *, person_id: UUID, nonce: str, method: str, frame_hashes: Sequence[str] = ()
) -> CheckInTry:
    """Take an answer in before it is judged; the window is judged by its arrival here.

    Args:
        work: The unit of work.
        check_in_id: Which check-in.
        person_id: Who answers.
        nonce: The code issued for this answer; used up by this call.
        method: `face` or `passkey`.
        frame_hashes: SHA-256 of each picture as received.

    Raises:
        CheckInNotFound: It is not this person's.
        CheckInClosed: It is settled, or its window is over.
        MethodNotOffered: The check-in does not take this method.
        NonceExpired: The code is not the newest one, was used, or is too old.
    """
    check_in = get_own(work, check_in_id, person_id=person_id, lock=True)
    if check_in.status != DUE or _is_over(check_in, work.now):
        raise CheckInClosed("验证时间已过或已完成，请按页面提示重新开始", check_in_status=check_in.status)
    if method not in check_in.methods:
        raise MethodNotOffered
    fresh = check_in.nonce_expires_at is not None and work.now <= check_in.nonce_expires_at
    if not fresh or token_hash(nonce) != check_in.nonce_hash:
        raise NonceExpired
    check_in.nonce_hash = check_in.nonce_expires_at = None
    tries = _tries(work, check_in.id)
    made = CheckInTry(
        check_in_id=check_in.id,
        try_no=len(tries) + 1,
        method=method,
        received_at=work.now,
        outcome=PENDING,
        verdict={},
        frame_hashes=list(frame_hashes),
        files=[],
    )
    work.session.add(made)
    work.session.flush()
    return made


def finish_try(work: Work, try_id: UUID, *, outcome: Outcome, verdict: Json, files: Sequence[FileRef] = ()) -> CheckIn:
    """Write the verdict of a try, and settle the check-in when it decides.

    A pass settles it as passed. Otherwise it stays open for further tries until they are used up. Doing it twice
    changes nothing.

    Args:
        work: The unit of work.
        try_id: The try begun before.
        outcome: What the comparison said.
        verdict: Its facts, canonical values.
        files: Sealed pictures.
    """
    found = work.session.scalars(select(CheckInTry).where(CheckInTry.id == try_id).with_for_update()).one()
    check_in = work.session.scalars(select(CheckIn).where(CheckIn.id == found.check_in_id).with_for_update()).one()
    if found.outcome != PENDING:
        return check_in
    found.outcome, found.verdict, found.decided_at = outcome.value, verdict, work.now
    found.files = [asdict(file) for file in files]
    if check_in.status != DUE:
        return check_in
    if outcome is Outcome.PASS:
        _settle(work, check_in, PASSED, decided_by=found, files=files)
    elif tries_left(work, check_in) == 0:
        _settle(work, check_in, FAILED, decided_by=found, files=files)
    work.session.flush()
    return check_in


def abort_try(work: Work, try_id: UUID) -> None:
    """Take back a try that the server could not judge, and give its time back to the trainee.

    The window is extended by the time the server was busy: overload is never charged to the trainee.
    """
    found = work.session.scalars(select(CheckInTry).where(CheckInTry.id == try_id).with_for_update()).one()
    if found.outcome != PENDING:
        return
    check_in = work.session.scalars(select(CheckIn).where(CheckIn.id == found.check_in_id).with_for_update()).one()
    found.outcome, found.decided_at = ABORTED, work.now
    if check_in.status == DUE and check_in.expires_at is not None:
        check_in.expires_at += work.now - found.received_at + timedelta(seconds=10)


def tries_left(work: Work, check_in: CheckIn) -> int:
    """Count the answers that may still be given."""
    counted = [one for one in _tries(work, check_in.id) if one.outcome != ABORTED and not _was_cut_off(one, work.now)]
    return max(0, check_in.max_tries - len(counted))


def miss(work: Work, check_in: CheckIn) -> None:
    """Settle a check-in whose window is over."""
    _settle(work, check_in, MISSED)
    work.session.flush()


def expire_due(work: Work, *, limit: int = 500) -> int:
    """Settle every check-in whose window is over and that has no answer being judged; how many there were."""
    rows = work.session.scalars(
        select(CheckIn)
        .where(CheckIn.status == DUE, CheckIn.expires_at < work.now)
        .order_by(CheckIn.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    settled = 0
    for check_in in rows:
        tries = _tries(work, check_in.id)
        if not any(one.outcome == PENDING and not _was_cut_off(one, work.now) for one in tries):
            miss(work, check_in)
            settled += 1
    return settled


def cancel_open(work: Work, subject_id: UUID) -> None:
    """Cancel what is planned or due for a subject that begins anew or has ended."""
    for check_in in work.session.scalars(
        select(CheckIn).where(CheckIn.subject_id == subject_id, CheckIn.status.in_([PLANNED, DUE])).with_for_update()
    ):
        transition(check_in, CANCELED, now=work.now)
    work.session.flush()


def _was_cut_off(one: CheckInTry, now: datetime) -> bool:
    return one.outcome == PENDING and one.received_at <= now - PENDING_TRY


def _is_over(check_in: CheckIn, now: datetime) -> bool:
    return check_in.expires_at is not None and now > check_in.expires_at


def _new(subject: Subject, purpose: str, rules: CheckInRules, *, planned_ms: int | None = None) -> CheckIn:
    return CheckIn(
        subject_kind=subject.kind,
        subject_id=subject.id,
        round=subject.round,
        person_id=subject.person_id,
        purpose=purpose,
        status=PLANNED,
        methods=[],
        planned_ms=planned_ms,
        window_s=rules.window_s,
        max_tries=rules.max_tries,
    )


def _open(work: Work, check_in: CheckIn, methods: Sequence[str]) -> None:
    transition(check_in, DUE, now=work.now)
    check_in.methods = list(methods)
    check_in.due_at = work.now
    check_in.expires_at = work.now + timedelta(seconds=check_in.window_s)
    work.session.flush()


def _tries(work: Work, check_in_id: UUID) -> Sequence[CheckInTry]:
    return work.session.scalars(
        select(CheckInTry).where(CheckInTry.check_in_id == check_in_id).order_by(CheckInTry.try_no)
    ).all()


def _settle(
    work: Work,
    check_in: CheckIn,
    status: str,
    *,
    decided_by: CheckInTry | None = None,
    files: Sequence[FileRef] = (),
) -> None:
    transition(check_in, status, now=work.now)
    work.session.flush()
    if check_in.due_at is None:
        raise CheckInClosed(check_in_status=check_in.status)
    work.publish(
        CheckInSettled(
            check_in_id=check_in.id,
            subject_kind=check_in.subject_kind,
            subject_id=check_in.subject_id,
            person_id=check_in.person_id,
            purpose=check_in.purpose,
            result=status,
            method=decided_by.method if decided_by else None,
            planned_ms=check_in.planned_ms,
            due_at=check_in.due_at,
            answered_at=decided_by.received_at if decided_by else None,
            window_s=check_in.window_s,
            try_count=len(_tries(work, check_in.id)),
            verdict=decided_by.verdict if decided_by else {},
            files=tuple(files),
        )
    )
