"""Answer the protocol ``rnp/1`` over HTTP.

Every call but `health` and `keys` must be signed. Bodies are read here; the work is done in a thread, in one SQLite
transaction, committed before the answer leaves. Every answer is signed and tied to the nonce of its request. Errors are
RFC 9457 problems; `code` holds the protocol's reject code.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.core.clock import Clock, china_iso
from app.core.errors import DomainError, Forbidden, NotFound
from app.realname.protocol import RequestTarget, VerifyKey, answer_headers
from app.realname.protocol.signing import NONCE, NONCE_MEMORY, Replay, encode_public_key, verify_request
from app.realname.simulator import handlers, pages
from app.realname.simulator.faults import Faults, Misfortune, wrong_receipt
from app.realname.simulator.handlers import Call, City, Reply
from app.realname.simulator.keys import PlatformKeys

_PROBLEM = "application/problem+json"


class TooLarge(DomainError):
    """The body is larger than the protocol allows."""

    slug = "too_large"
    title = "请求内容过大，请拆分后再发"
    status = 413


class FaultsSwitchedOff(Forbidden):
    """The simulator was started without fault injection."""

    slug = "faults_switched_off"
    title = "启动时未开启故障模拟（--allow-faults）"


class CutAnswer(Response):
    """Send half an answer, then break the connection: the client cannot know what became of its request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Promise more bytes than are sent."""
        length = str(len(self.body) + 64).encode()
        headers = [(b"content-length", length), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2]})


@dataclass(frozen=True, slots=True)
class Server:
    """The HTTP face of a city.

    Attributes:
        city: Records, files and key of the city.
        platform_keys: Public keys of the platform.
        clock: Tells the time.
        faults: The misfortunes, or None when they are not allowed.
    """

    city: City
    platform_keys: PlatformKeys
    clock: Clock
    faults: Faults | None

    def routes(self) -> Iterable[Route]:
        """List every route."""
        yield Route("/health/ready", self._ready)  # the process itself, untouched by injected faults
        yield Route("/rnp/1/health", self._open(self._health))
        yield Route("/rnp/1/keys", self._open(self._keys))
        for path, method, handler, limit in handlers.TABLE:
            yield Route(path, self._signed(handler, limit), methods=[method])
        yield Route("/simulator/faults", self._set_faults, methods=["POST", "GET"])
        yield Route("/", self._page(lambda _: pages.front(self.city)))
        yield Route(
            "/classes/{class_code}",
            self._page(lambda request: pages.of_class(self.city, request.path_params["class_code"])),
        )

    def _signed(self, handler: Callable[[Call], Reply], limit: int) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            now = self.clock.now()
            luck = self.faults.draw(now) if self.faults is not None else Misfortune()
            if luck.is_down or luck.is_error:
                return Response(status_code=503 if luck.is_down else 500)
            try:
                body = await _read_body(request, limit)
                reply = await run_in_threadpool(self._process, request, body, handler, luck)
            except DomainError as error:
                reply = _problem(error)
            await asyncio.sleep(luck.delay_s)
            return self._answer(request, reply, luck)

        return endpoint

    def _process(self, request: Request, body: bytes, handler: Callable[[Call], Reply], luck: Misfortune) -> Reply:
        now = self.faults.skewed(self.clock.now()) if self.faults is not None else self.clock.now()
        target = _target(request)
        sender = verify_request(target, headers=request.headers, body=body, keys_of=self.platform_keys.of, now=now)
        is_new = self.city.store.remember_nonce(
            sender.nonce, platform_id=sender.platform_id, now=now, memory_s=NONCE_MEMORY.total_seconds()
        )
        if not is_new:
            raise Replay
        call = Call(
            city=self.city,
            sender=sender,
            path=dict(request.path_params),
            query=dict(request.query_params),
            headers=request.headers,
            body=body,
            now=now,
        )
        if luck.is_duplicated:
            handler(call)
        return handler(call)

    def _answer(self, request: Request, reply: Reply, luck: Misfortune) -> Response:
        body = reply.body
        if luck.is_wrong_receipt and reply.status == handlers.ACCEPTED:
            body = wrong_receipt(body, signer=self.city.signer)
        signed = answer_headers(
            _target(request),
            status=reply.status,
            request_nonce=request.headers.get(NONCE, ""),
            body=body,
            signer=self.city.signer,
            now=self.clock.now(),
        )
        if luck.is_lost:
            return CutAnswer(body, status_code=reply.status)
        if luck.is_broken and body:
            return Response(body[: len(body) // 2], 200, signed, media_type="application/json")
        return Response(body, reply.status, {**reply.headers, **signed}, media_type=reply.media_type)

    def _open(self, handler: Callable[[], dict[str, Any]]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            now = self.clock.now()
            luck = self.faults.draw(now) if self.faults is not None else Misfortune()
            if luck.is_down or luck.is_error:
                return Response(status_code=503 if luck.is_down else 500)
            document = await run_in_threadpool(handler)
            return self._answer(request, Reply.json(document), luck)

        return endpoint

    async def _ready(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    def _health(self) -> dict[str, Any]:
        return {"status": "ok", "receiver_time": china_iso(self.clock.now()), "protocol": "rnp/1"}

    def _keys(self) -> dict[str, Any]:
        return {"keys": [describe_key(VerifyKey(self.city.signer.private_key.public_key()))]}

    async def _set_faults(self, request: Request) -> Response:
        try:
            if self.faults is None:
                raise FaultsSwitchedOff
            if request.method == "POST":
                self.faults.set_plan(_parse(await _read_body(request, 4096)), now=self.clock.now())
            return JSONResponse(self.faults.describe())
        except DomainError as error:
            reply = _problem(error)
            return Response(reply.body, reply.status, media_type=reply.media_type)

    def _page(self, render: Callable[[Request], str]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                return HTMLResponse(await run_in_threadpool(render, request))
            except NotFound as error:
                return HTMLResponse(pages.failure(error), error.status)

        return endpoint


def create_app(
    *, data: Path, seed: dict[str, Any], platform_key_file: Path, clock: Clock, allows_faults: bool = False
) -> Starlette:
    """Open (or make and fill) the city under `data` and build its application.

    Args:
        data: Folder of the database, the files and the city's key.
        seed: Master data, used only when the database is new.
        platform_key_file: Public keys of the platform, one base64 line each; read again when it changes.
        clock: Tells the time.
        allows_faults: Whether `POST /simulator/faults` works.
    """
    city = City.open(data, seed=seed, now=clock.now())
    keys = PlatformKeys(platform_key_file, city.store)
    server = Server(city, keys, clock, Faults() if allows_faults else None)
    return Starlette(routes=list(server.routes()))


def describe_key(key: VerifyKey) -> dict[str, Any]:
    """Write a public key as `GET /rnp/1/keys` lists it."""
    return {
        "key_id": key.key_id,
        "alg": "ed25519",
        "public_key": encode_public_key(key.public_key),
        "valid_from": None if key.valid_from is None else china_iso(key.valid_from),
        "valid_to": None if key.valid_to is None else china_iso(key.valid_to),
    }


def _target(request: Request) -> RequestTarget:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return RequestTarget(request.method, raw.decode("ascii"), request.scope["query_string"].decode("ascii"))


async def _read_body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise TooLarge(limit_bytes=limit)
    return bytes(body)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise handlers.NotJson from error


def _problem(error: DomainError) -> Reply:
    document = {
        "type": f"urn:rnp:1:{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.slug,
        **error.extensions,
    }
    headers = {}
    if "retry_after_s" in error.extensions:
        headers["Retry-After"] = str(error.extensions["retry_after_s"])
    return Reply(error.status, json.dumps(document, ensure_ascii=False).encode(), _PROBLEM, headers)
