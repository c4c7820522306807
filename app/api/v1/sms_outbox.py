"""Text messages that stayed in the house; a page of development only."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from app.api.deps import PlatformDep, WorkDep
from app.core.errors import NotFound
from app.identity.queries import recent_messages

router = APIRouter(prefix="/sms-outbox", tags=["登录"])


class Message(BaseModel):
    """One message."""

    phone_masked: str
    text: str
    sent_at: datetime


class Messages(BaseModel):
    """The messages of the last hour, newest first."""

    items: list[Message]
    next_cursor: None = None


@router.get("")
def read_outbox(work: WorkDep, platform: PlatformDep) -> Messages:
    """List the codes the local adapter kept instead of sending; there is no such page in production."""
    if platform.settings.is_production:
        raise NotFound
    found = recent_messages(work.session, work.vault, now=work.now)
    return Messages(
        items=[Message(phone_masked=item.phone_masked, text=item.text, sent_at=item.sent_at) for item in found]
    )
