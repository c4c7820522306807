"""What every request passes: id, size limit, cross-site refusal, security headers, log line, metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import TooLarge, Unexpected, answer_fault, problem_response
from app.core.clock import china_iso
from app.core.errors import DomainError, Forbidden
from app.core.ids import new_id

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY_BYTES = 24 * 1024 * 1024
CSRF_HEADER = "x-requested-with"
CSRF_VALUE = "zhengxue"
SIGNED_PREFIX = "/objects/"

log = structlog.get_logger()


class CrossSite(Forbidden):
    """A write that did not come from our own pages."""

    slug = "cross-site"
    title = "请求来源不对，请从本网站的页面操作"


class Metrics:
    """Counters of the web process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "zx_http_requests_total", "HTTP requests", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "zx_http_request_seconds", "Time to answer", ["method", "route"], registry=self.registry
        )


class EveryRequest:
    """The one middleware; plain ASGI, because it also stands before the hot paths."""

    def __init__(
        self, app: ASGIApp, *, now: Callable[[], datetime], metrics: Metrics, headers: Mapping[str, str]
    ) -> None:
        self._app = app
        self._now = now
        self._metrics = metrics
        self._headers = dict(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = new_id().hex
        started = time.perf_counter()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = scope["request_id"]
                headers["X-Server-Time"] = china_iso(self._now())
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=scope["request_id"]):
            try:
                await self._guarded(scope, receive, send_marked)
            except Exception as error:
                if status:  # the answer has begun: cutting the connection is all that is left
                    raise
                await answer_fault(error, path=scope["path"])(scope, receive, send_marked)
            finally:
                self._note(scope, status or Unexpected.status, time.perf_counter() - started)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = _refusal(scope, headers)
        if refusal is not None:
            await problem_response(refusal, instance=scope["path"])(scope, receive, send)
            return
        await self._app(scope, _limited(receive), send)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("hot_path") or getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.seconds.labels(scope["method"], route).observe(seconds)
        if status >= 400 or scope["method"] not in SAFE_METHODS:  # noqa: PLR2004 - HTTP
            log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                milliseconds=round(seconds * 1000),
            )


def _refusal(scope: Scope, headers: Headers) -> DomainError | None:
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        return TooLarge(max_bytes=MAX_BODY_BYTES)
    if scope["method"] in SAFE_METHODS or scope["path"].startswith(SIGNED_PREFIX):
        return None
    if headers.get(CSRF_HEADER) != CSRF_VALUE or headers.get("sec-fetch-site", "same-origin") not in {
        "same-origin",
        "none",
    }:
        return CrossSite("请从本网站的页面操作（缺少请求标记 X-Requested-With: zhengxue）")
    return None


def _limited(receive: Receive) -> Receive:
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message: dict[str, Any] = dict(await receive())
        taken += len(message.get("body", b""))
        if taken > MAX_BODY_BYTES:
            raise TooLarge(max_bytes=MAX_BODY_BYTES)
        return message

    return limited
