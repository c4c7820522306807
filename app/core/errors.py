"""Every failure the platform can name, and how it answers.

::

    DomainError
    ├── Unauthenticated   401  nobody known is asking
    ├── Forbidden         403  known, but not allowed
    ├── NotFound          404  no such thing, or not yours to know of
    ├── Conflict          409  the state of the world, or a rule, is against it
    ├── Gone              410  was there once: expired, used, withdrawn
    ├── Unprocessable     422  the payload itself is wrong; `pointers` say where
    ├── TooMany           429  slow down; `retry_after_s` says for how long
    └── Unavailable       503  a part we need is down or full; try again later

A subclass names one failure: its `slug` is stable and machine-readable, `title` is one Chinese line.
The instance carries `detail`: a Chinese sentence that tells the person what to do. The web process renders
all of them in one place as RFC 9457 `application/problem+json`.
"""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """Base of all named failures.

    Args:
        detail: What happened and what to do, in plain Chinese, for the person who reads it.
        **extensions: Further members of the problem document; JSON values without personal data.
    """

    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "操作没有完成"
    status: ClassVar[int] = 500

    def __init__(self, detail: str | None = None, **extensions: Any) -> None:
        self.detail = detail or self.title
        self.extensions = extensions
        super().__init__(self.detail)


class Unauthenticated(DomainError):
    """Nobody known is asking."""

    slug = "unauthenticated"
    title = "请先登录"
    status = 401


class Forbidden(DomainError):
    """The actor is known but not allowed."""

    slug = "forbidden"
    title = "您没有权限进行此操作"
    status = 403


class NotFound(DomainError):
    """There is no such thing, or the actor may not know of it."""

    slug = "not-found"
    title = "没有找到"
    status = 404


class Conflict(DomainError):
    """The present state, or a business rule, is against it."""

    slug = "conflict"
    title = "当前状态不允许此操作"
    status = 409


class Gone(DomainError):
    """It was there once: expired, used up or withdrawn."""

    slug = "gone"
    title = "已失效"
    status = 410


class Unprocessable(DomainError):
    """The payload itself is wrong.

    Args:
        detail: What to correct, in plain Chinese.
        pointers: JSON pointer of each wrong member, mapped to its Chinese message.
        **extensions: Further members of the problem document.
    """

    slug = "invalid"
    title = "填写的内容有误"
    status = 422

    def __init__(self, detail: str | None = None, *, pointers: dict[str, str] | None = None, **extensions: Any) -> None:
        if pointers:
            extensions["errors"] = [{"pointer": key, "detail": text} for key, text in pointers.items()]
        super().__init__(detail, **extensions)


class TooMany(DomainError):
    """Too many requests; `retry_after_s` (seconds) says how long to wait."""

    slug = "too-many"
    title = "操作太频繁，请稍后再试"
    status = 429

    def __init__(self, detail: str | None = None, *, retry_after_s: int = 60, **extensions: Any) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, **extensions)


class Unavailable(DomainError):
    """A part we depend on is down or full; `retry_after_s` (seconds) says when to try again."""

    slug = "unavailable"
    title = "服务暂时不可用，请稍后再试"
    status = 503

    def __init__(self, detail: str | None = None, *, retry_after_s: int = 5, **extensions: Any) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, **extensions)
