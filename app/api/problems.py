"""Failures as RFC 9457 problem documents, rendered in one place.

Every 4xx and 5xx of the platform is `application/problem+json` with `type`, `title`, `status`, `detail`, `instance`
and `code` (the failure's slug); `detail` tells a person in plain Chinese what to do.

Clauses: CC-4.1.3b
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.core.errors import (
    Conflict,
    DomainError,
    Forbidden,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"

log = structlog.get_logger()

_TAKEN = frozenset({"23505", "23P01"})
"""SQLSTATE of a unique or exclusion constraint: of two requests at once, this one came second."""

_FIELD_MESSAGES = {
    "missing": "缺少这一项",
    "string_too_long": "内容太长，最多 {max_length} 个字符",
    "string_too_short": "内容太短，至少 {min_length} 个字符",
    "string_pattern_mismatch": "格式不对",
    "uuid_parsing": "编号格式不对",
    "uuid_type": "编号格式不对",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "bool_type": "应为是或否",
    "bool_parsing": "应为是或否",
    "string_type": "应为文字",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "too_long": "项目太多，最多 {max_length} 项",
    "too_short": "项目太少，至少 {min_length} 项",
    "literal_error": "只能是 {expected}",
    "enum": "只能是 {expected}",
    "json_invalid": "不是有效的 JSON，请检查后重新提交",
    "extra_forbidden": "不认识这一项，请去掉",
}


class MethodNotAllowed(DomainError):
    """The route exists, but not with this method."""

    slug = "method-not-allowed"
    title = "不支持这种请求方式"
    status = 405


class TooLarge(DomainError):
    """The body is larger than anything the platform takes."""

    slug = "too-large"
    title = "内容太大，请压缩后再上传"
    status = 413


class Unexpected(DomainError):
    """A fault of ours; the log has the details under the request's id."""

    slug = "unexpected"
    title = "系统出了问题，您的数据没有丢失；请稍后再试，仍不行请联系客服"
    status = 500


def problem_response(error: DomainError, *, instance: str) -> Response:
    """Render a failure.

    Args:
        error: The failure.
        instance: Path of the request.
    """
    document = {
        **error.extensions,
        "type": TYPE_PREFIX + error.slug,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.slug,
    }
    headers = {}
    if (wait := error.extensions.get("retry_after_s")) is not None:
        headers["Retry-After"] = str(wait)
    return Response(orjson.dumps(document), error.status, headers, MEDIA_TYPE)


def translate(error: Exception) -> DomainError:
    """Name a failure that came from a library."""
    match error:
        case DomainError():
            return error
        case RequestValidationError():
            return _invalid(error.errors())
        case HTTPException():
            return _from_http(error)
        case DBAPIError() | PoolTimeout():
            return _from_database(error)
        case _:
            return Unexpected()


def _from_database(error: DBAPIError | PoolTimeout) -> DomainError:
    match error:
        case DataError():
            return Unprocessable("填写的内容里有不能保存的字符或数字，请修改后重新提交")
        case IntegrityError() if getattr(error.orig, "sqlstate", None) in _TAKEN:
            return Conflict("刚刚有另一次操作改动了同样的内容，请刷新页面后重试")
        case OperationalError() | InterfaceError() | PoolTimeout():
            return Unavailable("数据库暂时连不上，您的内容还在本机，请稍后再试")
        case DBAPIError() if error.connection_invalidated:
            return Unavailable("数据库连接中断，请稍后再试")
        case _:
            return Unexpected()


def _from_http(error: HTTPException) -> DomainError:
    if isinstance(error.__cause__, DomainError):  # raised while FastAPI was reading the body
        return error.__cause__
    by_status: dict[int, type[DomainError]] = {
        401: Unauthenticated,
        403: Forbidden,
        404: NotFound,
        405: MethodNotAllowed,
        413: TooLarge,
        429: TooMany,
        503: Unavailable,
    }
    kind = by_status.get(error.status_code)
    if kind is not None:
        return kind()
    return Unprocessable("请求的格式不对，请检查后重新提交") if error.status_code < 500 else Unexpected()  # noqa: PLR2004 - HTTP


def _invalid(errors: Iterable[Any]) -> DomainError:
    pointers = {}
    for item in errors:
        location = [str(part) for part in item["loc"] if part not in {"body", "query", "path", "header", "cookie"}]
        template = _FIELD_MESSAGES.get(item["type"], "填写有误")
        try:
            message = template.format(**item.get("ctx", {}))
        except (KeyError, IndexError):
            message = "填写有误"
        pointers["/" + "/".join(location)] = message
    first = next(iter(pointers.values()), "")
    return Unprocessable(f"填写的内容有误，请修改后重新提交：{first}" if first else None, pointers=pointers)


def answer_fault(error: Exception, *, path: str) -> Response:
    """Render a failure; what came from a library is told to the log in full, and to nobody else."""
    failure = translate(error)
    if not isinstance(error, DomainError | RequestValidationError | HTTPException):
        log.error("request_failed", path=path, code=failure.slug, exc_info=error)
    return problem_response(failure, instance=path)


def install(app: FastAPI) -> None:
    """Render every failure of `app` as a problem document; refusals go to the audit trail.

    What is of no kind named here passes through to the middleware, which answers with `answer_fault`.
    """

    def render(request: Request, error: Exception) -> Response:
        failure = translate(error)
        if isinstance(failure, Forbidden):
            request.app.state.platform.record_refusal(request.scope.get("actor"), request.url.path, failure)
        return answer_fault(error, path=request.url.path)

    for kind in (DomainError, RequestValidationError, HTTPException, DBAPIError, PoolTimeout):
        app.add_exception_handler(kind, render)
