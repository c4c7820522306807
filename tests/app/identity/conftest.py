"""Fixtures of people and accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core.audit import AuditEntry
from app.core.clock import FakeClock
from app.core.work import Actor, EventBus, Work
from app.identity import events
from app.identity.models import Person
from app.identity.people import import_organization, import_person
from app.identity.rules.passwords import approve_password
from app.identity.staff import StaffFactors, create_staff
from tests.app.identity.samples import make_id_number, make_phone


class Desk:
    """A unit of work whose clock moves, with the events it heard."""

    def __init__(self, work: Work, clock: FakeClock) -> None:
        self._work = work
        self.clock = clock
        self.session = work.session
        self.vault = work.vault
        self.browser: str | None = None
        self.heard: list[object] = []
        for name in events.__dict__.values():
            if isinstance(name, type) and name.__module__ == events.__name__:
                work.bus.on(name, lambda _work, event: self.heard.append(event))

    def work(self, *, ip: str | None = "203.0.113.7", kind: str = "anonymous", account_id: UUID | None = None) -> Work:
        return replace(
            self._work, now=self.clock.now(), actor=Actor(kind=kind, ip=ip, account_id=account_id, request_id="r1")
        )

    @contextmanager
    def unit(self) -> Iterator[Work]:
        yield self.work()
        self.session.flush()

    def pass_time(self, **duration: float) -> None:
        self.clock.advance(timedelta(**duration))

    def audited(self, action: str) -> list[AuditEntry]:
        self.session.flush()
        return list(self.session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))

    def heard_of(self, kind: type) -> list:
        return [event for event in self.heard if type(event) is kind]


@pytest.fixture
def desk(work: Work, clock: FakeClock, bus: EventBus) -> Desk:
    return Desk(work, clock)


@pytest.fixture
def listed(desk: Desk) -> Callable[..., Person]:
    """Import a person of a class list."""

    def make(number: int = 1, **changes: str) -> Person:
        fields = {
            "name": "温若竹",
            "id_number": make_id_number(sequence=number),
            "phone": make_phone(number),
            "hukou_region": "220104",
        }
        return import_person(desk.work(kind="system"), **(fields | changes))

    return make


PASSWORD = "Bamboo-forest-7"


@pytest.fixture
def staff(desk: Desk) -> StaffFactors:
    """A clerk of an institution with a password and an authenticator."""
    organization = import_organization(desk.work(kind="system"), kind="institution", authority_code="JG1", name="机构")
    return create_staff(
        desk.work(kind="system"),
        role="institution_author",
        organization_id=organization.id,
        login_name="Clerk",
        display_name="教务",
        password=approve_password(PASSWORD, login_name="clerk"),
    )
