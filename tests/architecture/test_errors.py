"""Every named failure can be told apart by a program and understood by a person."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from pathlib import Path

import pytest

import app
import exam
import proctoring
import storage
from app.core.errors import DomainError

ROOT = Path(__file__).parents[2]
PACKAGES = (app, proctoring, exam, storage)
MEMBERS = {"type", "title", "status", "detail", "instance", "code"}
"""Members of every problem document; an extension of that name would be lost."""
STATUSES = {401, 403, 404, 405, 409, 410, 413, 416, 422, 429, 500, 503}
NEVER_ANSWERED = ("app.realname.simulator", "app.realname.protocol", "app.launcher", "app.demo")
"""Other programs: the city and its protocol, the launcher, the demonstration."""


def modules() -> list[str]:
    return [
        found.name
        for package in PACKAGES
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not found.name.startswith(NEVER_ANSWERED) and not found.name.endswith("__main__")
    ]


def failures() -> list[type[DomainError]]:
    for name in modules():
        importlib.import_module(name)
    found, waiting = [], [DomainError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if not kind.__module__.startswith((*NEVER_ANSWERED, "tests")):
            found.append(kind)
    return found


@pytest.fixture(scope="module")
def kinds() -> list[type[DomainError]]:
    return failures()


class TestFailures:
    def test_have_a_slug_each(self, kinds):
        by_slug = defaultdict(set)
        for kind in kinds:
            by_slug[kind.slug].add(f"{kind.__module__}.{kind.__qualname__}")
        assert {slug: names for slug, names in by_slug.items() if len(names) > 1} == {}
        assert [slug for slug in by_slug if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)] == []

    def test_have_a_chinese_title_in_one_line(self, kinds):
        odd = [kind for kind in kinds if not re.search(r"[\u4e00-\u9fff]{2}", kind.title) or "\n" in kind.title]
        assert odd == []

    def test_have_a_status_of_the_tree(self, kinds):
        assert {kind.status for kind in kinds} <= STATUSES

    def test_are_described(self, kinds):
        assert [kind for kind in kinds if not (kind.__doc__ or "").strip()] == []

    def test_never_carry_an_extension_named_like_a_member_of_the_document(self, kinds):
        names, wrong = {kind.__name__ for kind in kinds}, []
        for package in PACKAGES:
            for path in Path(package.__path__[0]).rglob("*.py"):
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                        used = {keyword.arg for keyword in node.keywords} & (MEMBERS - {"detail"})
                        wrong += [f"{path.relative_to(ROOT)}:{node.lineno} {name}" for name in used]
        assert wrong == []
