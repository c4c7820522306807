"""Signed addresses of the local store: the signature is the permission.

With S3 the browser talks to the store itself and nothing of this is used.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.api.problems import answer_fault
from app.wiring import Platform
from storage.local import LocalStore
from storage.ports import CHUNK_BYTES, ByteStream
from storage.serving import Answer, answer_get, answer_put, refuse_length
from storage.urls import SignedTarget, check_url

PATH = "/objects/{key:path}"


def object_routes(platform: Platform) -> list[Route]:
    """Make the routes of a platform whose files lie in a folder; none otherwise."""
    store = platform.store
    if not isinstance(store, LocalStore):
        return []

    async def serve(request: Request) -> Response:
        try:
            target = check_url(
                request.path_params["key"],
                dict(request.query_params),
                method=request.method,
                secret=platform.url_secret,
                now=platform.clock.now(),
            )
            return await _answer(store, request, target)
        except Exception as error:  # noqa: BLE001 - rendered as a problem, as everywhere
            return answer_fault(error, path=request.url.path)

    return [Route(PATH, serve, methods=["GET", "HEAD", "PUT"])]


async def _answer(store: LocalStore, request: Request, target: SignedTarget) -> Response:
    if request.method == "PUT":
        refuse_length(target, request.headers.get("content-length"))
        body = io.BytesIO(await request.body())
        media_type = request.headers.get("content-type", "application/octet-stream")
        return _response(await run_in_threadpool(answer_put, store, target, body, media_type=media_type))
    answer = await run_in_threadpool(
        answer_get, store, target, headers=dict(request.headers), head_only=request.method == "HEAD"
    )
    return _response(answer)


def _response(answer: Answer) -> Response:
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    return StreamingResponse(_stream(answer.body), answer.status, answer.headers)


async def _stream(body: ByteStream) -> AsyncIterator[bytes]:
    def pieces() -> Iterator[bytes]:
        with body:
            while piece := body.read(CHUNK_BYTES):
                yield piece

    async for piece in iterate_in_threadpool(pieces()):
        yield piece
