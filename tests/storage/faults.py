"""A store that fails on demand, around a real one."""

from __future__ import annotations

from typing import Any

from storage.errors import StoreUnavailable
from storage.ports import ObjectStore


class FaultyStore:
    """Passes everything on to a real store, except the calls named in `broken`.

    Args:
        inner: The real store.
        broken: Names of methods that raise `StoreUnavailable` before anything happens.
        lost: Names of methods that do their work and then raise: the answer was lost.
    """

    def __init__(self, inner: ObjectStore, *, broken: set[str] = frozenset(), lost: set[str] = frozenset()) -> None:
        self.inner = inner
        self.broken = set(broken)
        self.lost = set(lost)
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if name in self.broken:
                raise StoreUnavailable
            answer = found(*args, **kwargs)
            if name in self.lost:
                raise StoreUnavailable
            return answer

        return call
