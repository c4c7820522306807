"""Answers of a running exam: the hot path of a sitting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.api.hot import Described, HotRoute
from app.core.clock import china_iso
from app.core.errors import DomainError, Unprocessable
from app.core.work import Work
from app.wiring import Platform
from exam.answers import Answer, Saved, record_answers

PATH = "/api/v1/me/attempts/{attempt_id}/answers"
MAX_SEQ = 10_000_000
MAX_NO = 1_000
MAX_CLIENT_AT = 40
MAX_KEYS = 10
"""More options than any question has."""

Draft = dict[str, Any]


class AnswerIn(BaseModel):
    """One answer of a running exam."""

    seq: int = Field(ge=1, le=MAX_SEQ, description="本次考试中作答的流水号，从 1 开始，只增不减")
    no: int = Field(ge=1, le=MAX_NO, description="题号")
    value: list[str] = Field(max_length=MAX_KEYS, description="所选选项的字母；空表示未作答")
    client_at: str | None = Field(None, max_length=MAX_CLIENT_AT, description="本机时间，仅供参考")


class AnswerSaved(BaseModel):
    """The answer is on disk."""

    seq: int
    saved_at: datetime
    deadline_at: datetime
    server_time: datetime


DESCRIBED = Described(name="save_answer", summary="保存一道题的作答", tag="结业考核", takes=AnswerIn, gives=AnswerSaved)


def hot_route(platform: Platform) -> HotRoute[Draft, Saved]:
    """Make the route of a platform."""

    def handle(work: Work, batch: Sequence[tuple[UUID, Draft]]) -> list[Saved | DomainError]:
        answers = [Answer(person_id=person_id, received_at=work.now, **draft) for person_id, draft in batch]
        return record_answers(work.session, answers)

    def render(saved: Saved) -> Mapping[str, Any]:
        return {
            "seq": saved.seq,
            "saved_at": china_iso(saved.saved_at),
            "deadline_at": china_iso(saved.deadline_at),
            "server_time": china_iso(platform.clock.now()),
        }

    return HotRoute(platform, PATH, parse=parse, handle=handle, render=render, described=DESCRIBED)


def parse(path: Mapping[str, Any], body: Mapping[str, Any]) -> Draft:
    """Read one answer: `seq`, `no`, `value` (option keys), `client_at` (optional).

    Raises:
        Unprocessable: A member is missing or wrong; pointers say which.
    """
    wrong = {}
    seq, no, value, client_at = body.get("seq"), body.get("no"), body.get("value"), body.get("client_at")
    if not _is_count(seq, MAX_SEQ):
        wrong["/seq"] = "应为正整数"
    if not _is_count(no, MAX_NO):
        wrong["/no"] = "应为题号"
    if not isinstance(value, list) or len(value) > MAX_KEYS or any(not isinstance(key, str) for key in value):
        wrong["/value"] = "应为选项字母的列表"
    if client_at is not None and not (isinstance(client_at, str) and len(client_at) <= MAX_CLIENT_AT):
        wrong["/client_at"] = "应为时间"
    try:
        attempt_id = UUID(path["attempt_id"])
    except ValueError:
        wrong["/attempt_id"] = "编号格式不对"
    if wrong:
        raise Unprocessable("作答内容格式不对，请刷新页面后重试", pointers=wrong)
    return {
        "attempt_id": attempt_id,
        "seq": seq,
        "no": no,
        "value": tuple(value or ()),
        "client_at": client_at,
    }


def _is_count(value: object, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= limit
