"""A tiny web server that serves signed addresses of a local store exactly as `storage.serving` prescribes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from app.core.clock import Clock
from app.core.errors import DomainError
from storage.local import LocalStore
from storage.serving import Answer, answer_get, answer_put, refuse_length
from storage.streams import chunks
from storage.urls import PATH, SignedTarget, check_url


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    _is_read = False

    def log_message(self, *_: Any) -> None:
        pass

    def _target(self) -> SignedTarget:
        parts = urlsplit(self.path)
        key = unquote(parts.path.removeprefix(PATH))
        query = dict(parse_qsl(parts.query))
        now = self.server.clock.now()
        return check_url(key, query, method=self.command, secret=self.server.secret, now=now)

    def _get(self) -> Answer:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return answer_get(self.server.store, self._target(), headers=headers, head_only=self.command == "HEAD")

    def _put(self) -> Answer:
        target = self._target()
        body = self.rfile.read(refuse_length(target, self.headers.get("Content-Length")))
        self._is_read = True
        media_type = self.headers.get("Content-Type", "application/octet-stream")
        return answer_put(self.server.store, target, BytesIO(body), media_type=media_type)

    def _answer(self) -> None:
        try:
            answer = self._put() if self.command == "PUT" else self._get()
        except DomainError as error:
            answer = Answer(error.status, {"X-Problem": error.slug})
            self.close_connection = True
            if self.command == "PUT" and not self._is_read:  # else the client sees a reset, not the answer
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(answer.status)
        for name, value in ({"Content-Length": "0"} | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if answer.body is not None:
            with answer.body as body:
                for piece in chunks(body):
                    self.wfile.write(piece)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _answer  # noqa: N815 - the library calls these names


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    store: LocalStore
    secret: bytes
    clock: Clock


@contextmanager
def bound_server() -> Iterator[_Server]:
    """Bind a server to a free port; `serve` makes it answer."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        yield server


@contextmanager
def serve(server: _Server, store: LocalStore, *, secret: bytes, clock: Clock) -> Iterator[None]:
    """Answer requests for the objects of `store` until the end of the block."""
    server.store, server.secret, server.clock = store, secret, clock
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
