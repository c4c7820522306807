"""Heartbeats of players: the hot path of learning.

Clauses: CC-4.3.3, CC-5.3.3c
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.hot import HotRoute, read_object
from app.core.errors import DomainError
from app.core.work import Work
from app.training.errors import HeartbeatRefused
from app.training.playback.acks import Ack, TokenIssuer
from app.training.playback.heartbeats import Submitted, record_heartbeats
from app.training.playback.intervals import Stretch
from app.training.playback.rules import Beat
from app.wiring import Platform
from app.wiring.supervision import open_check_ins

PATH = "/api/v1/me/sessions/{session_id}/heartbeats"
ECHO_PATH = "/bench/echo"
MAX_SEQ = 1_000_000
MAX_MS = 86_400_000
MAX_INTERVALS = 200
MAX_TOKEN = 64
MAX_CLIENT_AT = 40
MAX_RATE = 16
_MILLI = 1000


@dataclass(frozen=True, slots=True)
class Draft:
    """A heartbeat as it was sent, before anybody asked who sent it."""

    session_id: UUID
    token: str
    beat: Beat
    client_at: str | None


def hot_route(platform: Platform) -> HotRoute[Draft, Ack]:
    """Make the route of a platform."""
    issuer = TokenIssuer(platform.vault)

    def handle(work: Work, batch: Sequence[tuple[UUID, Draft]]) -> list[Ack | DomainError]:
        submitted = [
            Submitted(draft.session_id, person_id, draft.token, draft.beat, draft.client_at)
            for person_id, draft in batch
        ]
        return record_heartbeats(work, submitted, issuer=issuer, check_ins_of=open_check_ins)

    return HotRoute(platform, PATH, parse=parse, handle=handle, render=Ack.as_json)


def echo_route() -> Route:
    """Make the route a benchmark compares with: reads the same body, writes nothing. Never part of the product."""

    async def echo(request: Request) -> Response:
        return Response(orjson.dumps(await read_object(request)), media_type="application/json")

    return Route(ECHO_PATH, echo, methods=["POST"])


def parse(path: Mapping[str, Any], body: Mapping[str, Any]) -> Draft:
    """Read one heartbeat.

    Members: `seq`, `token`, `intervals` (pairs of milliseconds of media), `position_ms`, `rate` (1 is normal),
    `hidden`, `muted`, `playing`, and optionally `client_at`.

    Raises:
        HeartbeatRefused: A member is missing or wrong; pointers say which.
    """
    wrong: dict[str, str] = {}
    seq, token, client_at = body.get("seq"), body.get("token"), body.get("client_at")
    if not _is_count(seq, MAX_SEQ) or seq == 0:
        wrong["/seq"] = "应为正整数"
    if not isinstance(token, str) or len(token) > MAX_TOKEN:
        wrong["/token"] = "应为服务器上一次给出的凭证"
    if client_at is not None and not (isinstance(client_at, str) and len(client_at) <= MAX_CLIENT_AT):
        wrong["/client_at"] = "应为时间"
    if not _is_count(body.get("position_ms"), MAX_MS):
        wrong["/position_ms"] = "应为毫秒数"
    for name in ("hidden", "muted", "playing"):
        if not isinstance(body.get(name), bool):
            wrong[f"/{name}"] = "应为是或否"
    rate_milli = _rate(body.get("rate"), wrong)
    intervals = _intervals(body.get("intervals"), wrong)
    try:
        session_id = UUID(path["session_id"])
    except ValueError:
        wrong["/session_id"] = "编号格式不对"
    if wrong:
        raise HeartbeatRefused("学习记录的格式不对，请刷新页面后继续学习", pointers=wrong)
    beat = Beat(
        seq=cast("int", seq),
        intervals=intervals,
        rate_milli=rate_milli,
        hidden=body["hidden"],
        position_ms=body["position_ms"],
        muted=body["muted"],
        playing=body["playing"],
    )
    return Draft(session_id, cast("str", token), beat, client_at)


def _is_count(value: object, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit


def _rate(value: object, wrong: dict[str, str]) -> int:
    """Read a playback rate as thousandths."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_RATE:
        return round(value * _MILLI)
    wrong["/rate"] = "应为播放速度，正常速度为 1"
    return 0


def _intervals(value: object, wrong: dict[str, str]) -> tuple[Stretch, ...]:
    if isinstance(value, list) and len(value) <= MAX_INTERVALS and all(map(_is_stretch, value)):
        return tuple((start, end) for start, end in value)
    wrong["/intervals"] = f"应为播放区间的列表，每项为起止毫秒数，最多 {MAX_INTERVALS} 项"
    return ()


def _is_stretch(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2  # noqa: PLR2004 - from and to
        and _is_count(value[0], MAX_MS)
        and _is_count(value[1], MAX_MS)
        and value[0] <= value[1]
    )
