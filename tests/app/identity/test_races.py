"""Many at once: what may happen once happens once, in a database that really commits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pyotp
import pytest
from sqlalchemy import func, select

from app.core.errors import DomainError
from app.core.jobs import ProcrastinateQueue
from app.core.work import Actor, EventBus, Work
from app.identity import queries
from app.identity.adapters.local_sms import LocalSms
from app.identity.models import Account, LoginSession, Person
from app.identity.outcomes import Signed
from app.identity.passwords import sign_in_by_password
from app.identity.people import import_organization, import_person
from app.identity.rules.passwords import approve_password
from app.identity.sms import request_sms_code, sign_in_by_sms
from app.identity.staff import create_staff
from tests.app.identity.conftest import PASSWORD
from tests.app.identity.samples import make_id_number, make_phone

pytestmark = pytest.mark.commits
AT_ONCE = 8


@pytest.fixture
def unit(database, clock, vault):
    @contextmanager
    def opened():
        with database.transaction() as session:
            yield Work(
                session=session,
                now=clock.now(),
                actor=Actor(kind="anonymous", ip="203.0.113.7"),
                bus=EventBus(),
                jobs=ProcrastinateQueue(),
                vault=vault,
            )

    return opened


def at_once(task) -> list:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: task(), range(AT_ONCE)))


def count(unit, table) -> int:
    with unit() as work:
        return work.session.scalar(select(func.count()).select_from(table))


def bring(unit, number: int = 1, *, phone: int = 1) -> None:
    with unit() as work:
        import_person(work, name="温若竹", id_number=make_id_number(sequence=number), phone=make_phone(phone))


class TestAtOnce:
    def test_one_code_opens_one_session(self, unit):
        bring(unit)
        with unit() as work:
            browser = request_sms_code(work, phone=make_phone(1), sender=LocalSms()).browser
            code = queries.recent_messages(work.session, work.vault, now=work.now)[0].text.partition("是")[2][:6]

        def enter():
            with unit() as work:
                return sign_in_by_sms(work, phone=make_phone(1), code=code, browser=browser)

        assert sum(isinstance(outcome, Signed) for outcome in at_once(enter)) == 1
        assert (count(unit, Account), count(unit, LoginSession)) == (1, 1)

    def test_one_one_time_code_opens_one_session(self, unit, clock):
        with unit() as work:
            organization = import_organization(work, kind="bureau", authority_code="B1", name="局")
            secret = create_staff(
                work,
                role="bureau_auditor",
                organization_id=organization.id,
                login_name="auditor",
                display_name="审计",
                password=approve_password(PASSWORD, login_name="auditor"),
            ).totp_secret
        totp = pyotp.TOTP(secret).at(clock.now())

        def enter():
            try:
                return sign_in_by_password(unit, login_name="auditor", password=PASSWORD, totp=totp)
            except DomainError as error:
                return error

        assert sum(isinstance(outcome, Signed) for outcome in at_once(enter)) == 1

    def test_imports_of_one_number_make_one_person(self, unit):
        at_once(lambda: bring(unit))
        assert count(unit, Person) == 1

    def test_requests_send_one_code(self, unit):
        bring(unit)

        def ask():
            try:
                with unit() as work:
                    return request_sms_code(work, phone=make_phone(1), sender=LocalSms())
            except DomainError as error:
                return error

        assert [getattr(answer, "slug", "sent") for answer in at_once(ask)].count("sent") == 1
