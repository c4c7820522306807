"""Answers of a running exam: the hot path of a sitting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.api.hot import HotRoute
from app.core.clock import china_iso
from app.core.errors import DomainError, Unprocessable
from app.core.work import Work
from app.wiring import Platform
from exam.answers import Answer, Saved, record_answers

PATH = "/api/v1/me/attempts/{attempt_id}/answers"
MAX_SEQ = 10_000_000
MAX_NO = 1_000
MAX_CLIENT_AT = 40

Draft = dict[str, Any]


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

    return HotRoute(platform, PATH, parse=parse, handle=handle, render=render)


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
    if not isinstance(value, list) or len(value) > 10 or any(not isinstance(key, str) for key in value):  # noqa: PLR2004 - more options than any question has
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
