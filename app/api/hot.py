"""Hot paths: plain routes whose records are committed in groups and acknowledged after the commit.

No dependency machinery stands here: the body is parsed by hand, the cookie is looked up for the whole batch in one
statement, and one writer thread per route commits whatever has arrived.

Clauses: CC-A2-2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.deps import COOKIE, TRAINEE, RoleNotAllowed, SignInNeeded
from app.api.problems import answer_fault
from app.core.errors import DomainError, Unprocessable
from app.core.group_commit import GroupCommit
from app.core.security import token_hash
from app.core.work import SYSTEM, Work
from app.identity.sessions import SignedIn, accounts_by_tokens
from app.wiring import Platform

R = TypeVar("R")
A = TypeVar("A")

MAX_BODY = 64 * 1024

Parse = Callable[[Mapping[str, Any], Mapping[str, Any]], R]
"""Path parameters and JSON object to a record; raises `Unprocessable` with pointers."""
Handle = Callable[[Work, Sequence[tuple[UUID, R]]], Sequence[A | DomainError]]
"""Writes records with the person each came from; one answer each, refusals as values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the OpenAPI document says of a hot path; the models describe, they do not run.

    Attributes:
        name: Unique name of the operation.
        summary: One line.
        tag: Group it is listed under.
        takes: Shape of the request.
        gives: Shape of the answer.
    """

    name: str
    summary: str
    tag: str
    takes: type[BaseModel]
    gives: type[BaseModel]


@dataclass(frozen=True, slots=True)
class _Arrived(Generic[R]):
    token: str
    record: R


class HotRoute(Generic[R, A]):
    """One hot path for signed-in trainees.

    Args:
        platform: The running platform.
        path: Path with parameters in braces.
        parse: Reads a request.
        handle: Writes a batch.
        render: Shows an answer as JSON values.
        described: What the OpenAPI document says of it.
    """

    def __init__(
        self,
        platform: Platform,
        path: str,
        *,
        parse: Parse[R],
        handle: Handle[R, A],
        render: Callable[[A], Mapping[str, Any]],
        described: Described,
    ) -> None:
        self._platform = platform
        self.path = path
        self.described = described
        self._parse = parse
        self._handle = handle
        self._render = render
        self.writer: GroupCommit[_Arrived[R], A] = GroupCommit(platform.database, self._write, name=f"writer {path}")

    @property
    def route(self) -> Route:
        """The route to mount."""
        return Route(self.path, self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        request.scope["hot_path"] = self.path
        try:
            answer = await self._committed(request)
        except Exception as error:  # noqa: BLE001 - rendered as a problem, as everywhere
            if isinstance(error, RoleNotAllowed):
                await run_in_threadpool(self._platform.record_refusal, None, request.url.path, error)
            return answer_fault(error, path=request.url.path)
        return Response(orjson.dumps(self._render(answer)), media_type="application/json")

    async def _committed(self, request: Request) -> A:
        token = request.cookies.get(COOKIE)
        if token is None:
            raise SignInNeeded
        record = self._parse(request.path_params, await read_object(request))
        return await self.writer.submit(_Arrived(token, record))

    def _write(self, session: Session, batch: Sequence[_Arrived[R]]) -> list[A | DomainError]:
        work = self._platform.work(session, actor=SYSTEM)
        accounts = accounts_by_tokens(session, [one.token for one in batch], now=work.now)
        checked = [_check(accounts.get(token_hash(one.token))) for one in batch]
        allowed = [
            (person_id, one.record)
            for person_id, one in zip(checked, batch, strict=True)
            if not isinstance(person_id, DomainError)
        ]
        answers = iter(self._handle(work, allowed) if allowed else ())
        return [refusal if isinstance(refusal, DomainError) else next(answers) for refusal in checked]


def _check(account: SignedIn | None) -> UUID | DomainError:
    if account is None:
        return SignInNeeded()
    if account.role != TRAINEE or account.person_id is None:
        return RoleNotAllowed()
    return account.person_id


async def read_object(request: Request) -> Mapping[str, Any]:
    """Read a small JSON object.

    Raises:
        Unprocessable: Too large, not JSON, or not an object.
    """
    body = await request.body()
    if len(body) > MAX_BODY:
        raise Unprocessable("提交的内容太大，请刷新页面后重试")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unprocessable("提交的内容不是有效的 JSON，请刷新页面后重试") from error
    if not isinstance(document, dict):
        raise Unprocessable("提交的内容格式不对，请刷新页面后重试")
    return document
