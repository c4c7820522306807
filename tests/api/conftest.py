"""The real application on a database that commits, and browsers that use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyotp
import pytest
import structlog
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
from tests.api.browser import Browser
from tests.api.faces import LabelledFaces
from tests.api.stage import PASSWORD, Stage
from tests.app.identity.samples import make_id_number, make_phone
from tests.app.training.factories import Cast, class_spec
from tests.app.training.playback.builders import RULES
from tests.conftest import NOW, copied_database
from tests.realname.fakes import FakeCity

__all__ = ["PASSWORD", "Browser"]


@pytest.fixture
def platform(database_url: str, clock: FakeClock, tmp_path: Path) -> Iterator[Platform]:
    """The platform of a web process, without a face engine."""
    made = build(Settings(environment="development", var_dir=tmp_path), database_url=database_url, clock=clock)
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Log faults in plain lines; the colourful ones for terminals take seconds each."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@contextmanager
def staged(template: tuple[str, str], folder: Path) -> Iterator[Stage]:
    """Run the application with everybody in it, hot paths included."""
    with copied_database(template) as url:
        clock, faces = FakeClock(NOW), LabelledFaces()
        settings = Settings(environment="development", var_dir=folder)
        city = FakeCity(classes=(), rosters={}, clock=clock)
        made = build(settings, database_url=url, clock=clock, face_engine=faces, city=city)
        app = create_app(made)
        with TestClient(app):
            yield Stage.make(made, clock, app, faces=faces)


@pytest.fixture(scope="session")
def stage(template: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The application with everybody in it; shared by all tests that leave no traces behind."""
    with staged(template, tmp_path_factory.mktemp("stage")) as made:
        yield made


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
