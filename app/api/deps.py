"""What routes are handed: the unit of work, who asks, and guards that deny by default.

One request is one transaction. `scope="function"` makes FastAPI leave the dependency, and so commit, *before* the
answer is sent: a failing COMMIT is a 5xx, never a lost 201.

Clauses: CC-4.1.6
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.core.errors import Forbidden, Unauthenticated
from app.core.work import Actor, Work
from app.identity import sessions
from app.wiring import Platform

COOKIE = "zx_session"

PUBLIC_ROUTES = frozenset(
    {
        ("GET", "/api/v1/version"),
        ("GET", "/api/v1/sms-outbox"),
        ("GET", "/api/v1/demo/accounts"),
        ("POST", "/api/v1/auth/sms-codes"),
        ("POST", "/api/v1/auth/sms-sign-in"),
        ("POST", "/api/v1/auth/sign-in"),
    }
)
"""Everything else needs a signed-in account."""

ANONYMOUS = "anonymous"
TRAINEE = "trainee"
AUTHOR = "institution_author"
REVIEWER = "institution_reviewer"
AUDITOR = "bureau_auditor"
OPERATOR = "operator"


class SignInNeeded(Unauthenticated):
    """The route needs an account and none was shown, or its session has ended."""

    slug = "sign-in-needed"
    title = "登录已失效，请重新登录"


class RoleNotAllowed(Forbidden):
    """The account's role may not use this route."""

    slug = "role-not-allowed"
    title = "您的账号不能使用这项功能"


def platform_of(request: Request) -> Platform:
    """The running platform: database, stores, keys, adapters."""
    platform: Platform = request.app.state.platform
    return platform


PlatformDep = Annotated[Platform, Depends(platform_of)]


def _authenticate(request: Request, session: Session, platform: Platform) -> Actor:
    token = request.cookies.get(COOKIE)
    account = sessions.authenticate(session, token, now=platform.clock.now()) if token else None
    actor = Actor(
        kind=account.role if account else ANONYMOUS,
        account_id=account.account_id if account else None,
        person_id=account.person_id if account else None,
        organization_id=account.organization_id if account else None,
        ip=request.client.host if request.client else None,
        request_id=request.scope.get("request_id"),
    )
    request.scope["actor"] = actor
    if account is None and (request.method, request.scope["path"]) not in PUBLIC_ROUTES:
        raise SignInNeeded
    return actor


def get_work(request: Request, platform: PlatformDep) -> Iterator[Work]:
    """Open the request's transaction; commit it when the route has returned."""
    with platform.database.transaction() as session:
        yield platform.work(session, actor=_authenticate(request, session, platform))


WorkDep = Annotated[Work, Depends(get_work, scope="function")]

Unit = Callable[[], AbstractContextManager[Work]]


def get_unit(request: Request, platform: PlatformDep) -> Unit:
    """Hand out short transactions to a route that must not hold one (network or CPU work in between)."""
    with platform.database.transaction() as session:
        actor = _authenticate(request, session, platform)

    @contextmanager
    def unit() -> Iterator[Work]:
        with platform.database.transaction() as session:
            yield platform.work(session, actor=actor)

    return unit


UnitDep = Annotated[Unit, Depends(get_unit)]


def allow(*roles: str) -> Any:
    """Guard a route that uses `WorkDep`: only these roles may pass."""

    def guard(work: WorkDep) -> None:
        _check(work.actor, roles)

    return Depends(guard)


def allow_unit(*roles: str) -> Any:
    """Guard a route that uses `UnitDep`: only these roles may pass."""

    def guard(request: Request, _unit: UnitDep) -> None:
        _check(request.scope["actor"], roles)

    return Depends(guard)


def _check(actor: Actor, roles: tuple[str, ...]) -> None:
    if actor.kind not in roles:
        raise RoleNotAllowed("您的账号不能使用这项功能；如需要，请联系本单位管理员")
