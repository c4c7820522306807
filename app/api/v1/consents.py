"""Consents of the signed-in trainee: read each text, give or refuse it, take it back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field

from app.api.deps import TRAINEE, PlatformDep, WorkDep, allow
from app.core.work import Work
from app.identity import consents
from app.identity.consent_texts import ConsentText
from app.identity.errors import PersonNotFound, PurposeUnknown
from app.wiring import Platform

router = APIRouter(prefix="/me/consents", tags=["同意书"], dependencies=[allow(TRAINEE)])

UserAgent = Annotated[str | None, Header(include_in_schema=False)]


class ConsentOut(BaseModel):
    """One consent and how it stands."""

    purpose: str
    title: str
    version: str
    sha256: str
    body_markdown: str
    required: bool
    state: consents.State
    at: datetime | None


class Consents(BaseModel):
    """All consents in the order they are asked."""

    items: list[ConsentOut]
    next_cursor: None = None


class AnswerIn(BaseModel):
    """An answer to one text."""

    granted: bool = Field(description="true 表示同意，false 表示不同意")
    text_sha256: str = Field(min_length=64, max_length=64, description="所读文本的校验值")


@router.get("")
def read_consents(work: WorkDep, platform: PlatformDep) -> Consents:
    """Show every text and my latest answer to it."""
    answers = consents.answers_of(work.session, _person(work))
    return Consents(items=[_out(text, answers.get(purpose)) for purpose, text in platform.texts.items()])


@router.post("/{purpose}")
def answer(
    *, purpose: str, body: AnswerIn, work: WorkDep, platform: PlatformDep, user_agent: UserAgent = None
) -> ConsentOut:
    """Give or refuse one consent; each purpose is answered by itself."""
    text = _text(platform, purpose)
    given = consents.answer_consent(
        work,
        person_id=_person(work),
        text=text,
        granted=body.granted,
        shown_sha256=body.text_sha256,
        user_agent=user_agent,
    )
    return _out(text, given)


@router.delete("/{purpose}")
def withdraw(purpose: str, work: WorkDep, platform: PlatformDep, user_agent: UserAgent = None) -> ConsentOut:
    """Take one consent back; what needed it stops at once."""
    text = _text(platform, purpose)
    left = consents.withdraw_consent(work, person_id=_person(work), purpose=purpose, user_agent=user_agent)
    return _out(text, left)


def _person(work: Work) -> UUID:
    if work.actor.person_id is None:
        raise PersonNotFound
    return work.actor.person_id


def _text(platform: Platform, purpose: str) -> ConsentText:
    text = platform.texts.get(purpose)
    if text is None:
        raise PurposeUnknown
    return text


def _out(text: ConsentText, answer: consents.Answer | None) -> ConsentOut:
    return ConsentOut(
        purpose=text.purpose,
        title=text.title,
        version=text.version,
        sha256=text.sha256,
        body_markdown=text.body_markdown,
        required=text.is_required,
        state=consents.state_for(answer, text),
        at=answer.at if answer else None,
    )
