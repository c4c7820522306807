"""Consents: one purpose at a time, for a text that was shown, and taken back in one step.

Answers are only ever added; the latest one of a purpose counts. A refusal is an answer: nobody asks again.

Clauses: CC-A2-4.2
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.core import audit
from app.core.work import Work
from app.identity.errors import ConsentNeeded, TextChanged
from app.identity.events import ConsentGiven, ConsentRefused, ConsentWithdrawn
from app.identity.models import Consent
from app.identity.ports import ConsentText

__all__ = [
    "Answer",
    "State",
    "answer_consent",
    "answers_of",
    "has_consent",
    "require_consents",
    "state_for",
    "versions_given",
    "withdraw_consent",
]

State = Literal["given", "refused", "withdrawn", "unanswered"]
MAX_USER_AGENT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The latest answer to one purpose.

    Attributes:
        state: `given`, `refused` or `withdrawn`.
        version: Version of the text that was shown.
        text_sha256: Its hash.
        at: When it was answered.
    """

    state: State
    version: str
    text_sha256: str
    at: datetime


def answer_consent(
    work: Work,
    *,
    person_id: UUID,
    text: ConsentText,
    granted: bool,
    shown_sha256: str,
    user_agent: str | None = None,
) -> Answer:
    """Record a person's answer to one consent; the same answer again changes nothing.

    To refuse what was given before is to withdraw it.

    Args:
        work: The unit of work.
        person_id: Who answers.
        text: The present text of the purpose.
        granted: Whether they agree.
        shown_sha256: Hash of the text they were shown.
        user_agent: The browser's name, kept with the answer.

    Raises:
        TextChanged: They were shown another text.
    """
    if shown_sha256 != text.sha256:
        raise TextChanged(current_sha256=text.sha256)
    latest = answers_of(work.session, person_id).get(text.purpose)
    if not granted and latest is not None and latest.state == "given":
        return withdraw_consent(work, person_id=person_id, purpose=text.purpose, user_agent=user_agent) or latest
    state: State = "given" if granted else "refused"
    if latest is not None and (latest.state, latest.text_sha256) == (state, text.sha256):
        return latest
    answer = Answer(state=state, version=text.version, text_sha256=text.sha256, at=work.now)
    _add(work, person_id, purpose=text.purpose, answer=answer, user_agent=user_agent)
    if granted:
        work.publish(
            ConsentGiven(
                person_id=person_id,
                purpose=text.purpose,
                version=text.version,
                text_sha256=text.sha256,
                given_at=work.now,
            )
        )
    else:
        work.publish(
            ConsentRefused(
                person_id=person_id,
                purpose=text.purpose,
                version=text.version,
                text_sha256=text.sha256,
                refused_at=work.now,
            )
        )
    return answer


def withdraw_consent(work: Work, *, person_id: UUID, purpose: str, user_agent: str | None = None) -> Answer | None:
    """Take a consent back; processing for the purpose stops with this transaction.

    Returns:
        The present answer; None when the purpose was never answered. Harmless when nothing was given.
    """
    latest = answers_of(work.session, person_id).get(purpose)
    if latest is None or latest.state != "given":
        return latest
    answer = Answer(state="withdrawn", version=latest.version, text_sha256=latest.text_sha256, at=work.now)
    _add(work, person_id, purpose=purpose, answer=answer, user_agent=user_agent)
    work.publish(ConsentWithdrawn(person_id=person_id, purpose=purpose, withdrawn_at=work.now))
    return answer


def answers_of(session: Session, person_id: UUID) -> Mapping[str, Answer]:
    """Read a person's latest answers by purpose; purposes never answered are absent."""
    rows = session.scalars(
        select(Consent)
        .where(Consent.person_id == person_id)
        .ext(distinct_on(Consent.purpose))
        .order_by(Consent.purpose, Consent.at.desc(), Consent.id.desc())
    )
    return {row.purpose: _answer(row) for row in rows}


def has_consent(session: Session, person_id: UUID, purpose: str) -> bool:
    """Tell whether a person allows one purpose at present."""
    latest = session.scalar(
        select(Consent.state)
        .where(Consent.person_id == person_id, Consent.purpose == purpose)
        .order_by(Consent.at.desc(), Consent.id.desc())
        .limit(1)
    )
    return latest == "given"


def require_consents(session: Session, person_id: UUID, purposes: Iterable[str]) -> None:
    """Refuse to go on without these consents.

    Raises:
        ConsentNeeded: One is missing; `purpose` names the first.
    """
    answers = answers_of(session, person_id)
    for purpose in purposes:
        if purpose not in answers or answers[purpose].state != "given":
            raise ConsentNeeded(purpose=purpose)


def state_for(answer: Answer | None, text: ConsentText) -> State:
    """Tell how a purpose stands for its present text.

    What was given for an older text stays in force, but the person is asked about the new one. Who refused or
    withdrew is not asked again.
    """
    if answer is None or (answer.state == "given" and answer.text_sha256 != text.sha256):
        return "unanswered"
    return answer.state


def versions_given(session: Session, person_id: UUID) -> Mapping[str, str]:
    """List the text version of every consent in force, by purpose."""
    return {
        purpose: answer.version
        for purpose, answer in sorted(answers_of(session, person_id).items())
        if answer.state == "given"
    }


def _add(work: Work, person_id: UUID, *, purpose: str, answer: Answer, user_agent: str | None) -> None:
    work.session.add(
        Consent(
            person_id=person_id,
            purpose=purpose,
            state=answer.state,
            version=answer.version,
            text_sha256=answer.text_sha256,
            at=answer.at,
            ip=work.actor.ip,
            user_agent=(user_agent or "")[:MAX_USER_AGENT] or None,
        )
    )
    work.session.flush()
    audit.record(
        work,
        "answer_consent",
        subject_kind="person",
        subject_id=person_id,
        purpose=purpose,
        state=answer.state,
        version=answer.version,
    )


def _answer(row: Consent) -> Answer:
    states: dict[str, State] = {"given": "given", "refused": "refused", "withdrawn": "withdrawn"}
    return Answer(state=states[row.state], version=row.version, text_sha256=row.text_sha256, at=row.at)
