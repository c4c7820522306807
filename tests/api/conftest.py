"""The real application on a database that commits, and browsers that use it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from starlette.testclient import TestClient

from app.core.clock import FakeClock
from app.core.settings import Settings
from app.identity.people import import_organization, import_person
from app.identity.rules.passwords import approve_password
from app.identity.staff import create_staff
from app.main import create_app
from app.training.classes.imports import RosterEntry, import_class, import_roster
from app.training.classes.opening import open_class
from app.wiring import Platform, build
from tests.app.identity.samples import make_id_number, make_phone
from tests.app.training.factories import Cast, class_spec
from tests.app.training.playback.builders import RULES

PASSWORD = "Bamboo-forest-7"
HOST = "http://localhost:8000"


@pytest.fixture
def platform(database_url: str, clock: FakeClock, tmp_path: Path) -> Iterator[Platform]:
    """The platform of a web process, without a face engine."""
    made = build(Settings(environment="development", var_dir=tmp_path), database_url=database_url, clock=clock)
    yield made
    made.close()


class Browser:
    """A browser with its cookies; every answer is checked for what all answers must have."""

    def __init__(self, platform: Platform, clock: FakeClock, *, ip: str = "203.0.113.7") -> None:
        self.platform = platform
        self.clock = clock
        self.client = TestClient(create_app(platform), base_url=HOST, client=(ip, 50000), raise_server_exceptions=False)

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


@pytest.fixture
def browser(platform: Platform, clock: FakeClock) -> Callable[..., Browser]:
    """Open another browser."""

    def opened(**more: Any) -> Browser:
        return Browser(platform, clock, **more)

    return opened


@pytest.fixture
def listed(platform: Platform) -> Callable[..., Any]:
    """Import a person of a class list."""

    def make(number: int = 1, **changes: str) -> Any:
        fields = {"name": "温若竹", "id_number": make_id_number(sequence=number), "phone": make_phone(number)}
        with platform.unit() as work:
            return import_person(work, **(fields | changes)).id

    return make


@pytest.fixture
def hired(platform: Platform, clock: FakeClock) -> Callable[..., Any]:
    """Make an account of staff and a browser signed in with it."""

    def make(role: str = "institution_author", *, kind: str = "institution", login_name: str = "clerk") -> Browser:
        with platform.unit() as work:
            organization = import_organization(work, kind=kind, authority_code=f"{kind}-1", name="单位")
            factors = create_staff(
                work,
                role=role,
                organization_id=organization.id,
                login_name=login_name,
                display_name="工作人员",
                password=approve_password(PASSWORD, login_name=login_name),
            )
        made = Browser(platform, clock)
        made.totp = pyotp.TOTP(factors.totp_secret)
        made.login_name = login_name
        body = {"login_name": login_name, "password": PASSWORD, "totp": made.totp.at(clock.now())}
        assert made.post("/auth/sign-in", body).status_code == 200
        return made

    return make


@pytest.fixture
def enrolled(platform: Platform) -> Callable[..., Any]:
    """Put people on the roster of a class, opened or not; tells the enrolments by person."""

    def make(*person_ids: Any, opened: bool = True) -> dict[Any, Any]:
        with platform.unit() as work:
            cast = Cast.make(work)
            course = cast.published()
            found = import_class(work, class_spec(cast.organization_id), rules=RULES)
            entries = [
                RosterEntry(person_id=person_id, learner_ref=f"XY{number:03}", category_code="employee")
                for number, person_id in enumerate(person_ids, start=1)
            ]
            import_roster(work, class_id=found.id, roster_sha256="a" * 64, entries=entries)
            if opened:
                open_class(cast.as_author, class_id=found.id, course_id=course.id)
            return {row.person_id: row.id for row in cast.enrollments(found.id)}

    return make
