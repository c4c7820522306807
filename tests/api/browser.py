"""A browser that uses the real application."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.core.clock import FakeClock
from app.main import create_app
from app.wiring import Platform
from tests.app.identity.samples import make_phone

HOST = "http://localhost:8000"


class Browser:
    """A browser with its cookies; every answer is checked for what all answers must have."""

    def __init__(
        self, platform: Platform, clock: FakeClock, *, ip: str = "203.0.113.7", app: FastAPI | None = None
    ) -> None:
        self.platform = platform
        self.clock = clock
        self.client = TestClient(
            app or create_app(platform), base_url=HOST, client=(ip, 50000), raise_server_exceptions=False
        )

    def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        given = {"X-Requested-With": "zhengxue"} if headers is None else headers
        answer = self.client.request(method, f"/api/v1{path}", headers=given, **more)
        assert "X-Server-Time" in answer.headers
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert {"type", "title", "status", "detail", "instance", "code"} <= set(answer.json())
        return answer

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.send("POST", path, json=body, **more) if body is not None else self.send("POST", path, **more)

    @property
    def token(self) -> str | None:
        return self.client.cookies.get("zx_session")

    def plant(self, token: str | None) -> None:
        """Put a token into the cookie, as its thief or its victim."""
        self.client.cookies.set("zx_session", token, domain="localhost.local", path="/")

    def code(self) -> str:
        """The newest code on the page of local messages."""
        return re.search(r"\d{6}", self.get("/sms-outbox").json()["items"][0]["text"])[0]

    def sign_in(self, number: int = 1) -> httpx.Response:
        """Sign a listed trainee in."""
        self.clock.advance(timedelta(seconds=60))
        assert self.post("/auth/sms-codes", {"phone": make_phone(number)}).status_code == 202
        return self.post("/auth/sms-sign-in", {"phone": make_phone(number), "code": self.code()})

    def agree(self, *purposes: str) -> None:
        """Give consents; all of them when none is named."""
        for item in self.get("/me/consents").json()["items"]:
            if not purposes or item["purpose"] in purposes:
                answer = self.post(f"/me/consents/{item['purpose']}", {"granted": True, "text_sha256": item["sha256"]})
                assert answer.status_code == 200
