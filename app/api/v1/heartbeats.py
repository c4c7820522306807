"""Heartbeats of players: the hot path of learning.

Clauses: CC-4.3.3, CC-5.3.3c
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import orjson
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.hot import Described, HotRoute, read_object
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


class HeartbeatIn(BaseModel):
    """What was played since the last heartbeat."""

    seq: int = Field(ge=1, le=MAX_SEQ, description="本次播放中心跳的流水号，从 1 开始")
    token: str = Field(max_length=MAX_TOKEN, description="服务器上一次给出的凭证")
    intervals: list[list[int]] = Field(max_length=MAX_INTERVALS, description="播放过的区间，每项为起止毫秒数")
    position_ms: int = Field(ge=0, le=MAX_MS, description="当前播放位置")
    rate: float = Field(ge=0, le=MAX_RATE, description="播放速度，正常速度为 1")
    hidden: bool = Field(description="页面不在前台")
    muted: bool = Field(description="静音")
    playing: bool = Field(description="正在播放")
    client_at: str | None = Field(None, max_length=MAX_CLIENT_AT, description="本机时间，仅供参考")


class HeartbeatExcluded(BaseModel):
    """Time that does not count, with its reason."""

    reason: str
    title: str
    seconds: float


class HeartbeatCheckIn(BaseModel):
    """The check-in that stops the clock."""

    id: UUID
    purpose: str
    status: str
    methods: list[str]
    window_s: int
    expires_at: datetime | None
    is_over: bool


class HeartbeatOut(BaseModel):
    """What counts so far; seconds with milliseconds."""

    seq: int
    next_token: str = Field(description="下一次心跳的凭证")
    interval_s: int
    credited_s: float
    furthest_s: float
    needed_s: float
    state: str = Field(description="awaiting_sign_in、active、stopped、replaced 或 ended")
    excluded: list[HeartbeatExcluded]
    check_in: HeartbeatCheckIn | None
    watched: bool
    server_time: datetime


DESCRIBED = Described(
    name="send_heartbeat", summary="报告播放进度，计算学时", tag="学习", takes=HeartbeatIn, gives=HeartbeatOut
)


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

    return HotRoute(platform, PATH, parse=parse, handle=handle, render=Ack.as_json, described=DESCRIBED)


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
