"""Every route, called as everybody, does what `permissions.toml` says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from app.api.deps import ANONYMOUS, PUBLIC_ROUTES, RoleNotAllowed, SignInNeeded
from tests.api.stage import KINDS, routes_of, with_ids

pytestmark = pytest.mark.commits

FILE = Path(__file__).with_name("permissions.toml")
PUBLIC, SIGNED_IN = "public", "signed-in"
REFUSALS = {SignInNeeded.slug: 401, RoleNotAllowed.slug: 403}
"""How the guards refuse. An allowed actor may meet other 401 and 403: a wrong password, a consent not given."""

BODIES = {
    "POST /api/v1/me/sessions/{session_id}/heartbeats": {
        "seq": 1,
        "token": "x",
        "intervals": [],
        "position_ms": 0,
        "rate": 1,
        "hidden": False,
        "muted": False,
        "playing": True,
    },
    "POST /api/v1/me/attempts/{attempt_id}/answers": {"seq": 1, "no": 1, "value": ["A"]},
}
"""Hot paths read the body before they ask who sent it."""


def read_lines() -> dict[str, frozenset[str]]:
    """Who may use each route; `public` lists everybody."""
    lines = {}
    for section in tomllib.loads(FILE.read_text(encoding="utf-8")).values():
        for route, words in section.items():
            allowed = frozenset(words.split())
            if allowed == {PUBLIC}:
                allowed = frozenset(KINDS)
            elif allowed == {SIGNED_IN}:
                allowed = frozenset(KINDS) - {ANONYMOUS}
            assert allowed <= frozenset(KINDS), f"{route}: unknown word in {words!r}"
            lines[route] = allowed
    return lines


def named(method: str, path: str) -> str:
    return f"{method} {path.replace(':path}', '}')}"


@pytest.mark.clause("CC-4.1.6")
class TestEveryRoute:
    def test_stands_in_the_file(self, stage):
        missing = {named(*route) for route in routes_of(stage.app)} - set(read_lines())
        lines = "\n".join(f'"{route}" = "…roles…"' for route in sorted(missing))
        assert not missing, f"add to {FILE.name}, saying who may use it:\n{lines}"

    def test_of_the_file_exists(self, stage):
        stale = set(read_lines()) - {named(*route) for route in routes_of(stage.app)}
        assert not stale, f"remove from {FILE.name}: {sorted(stale)}"

    def test_is_public_in_the_code_where_the_file_says_so(self):
        public = {tuple(route.split(" ")) for route, allowed in read_lines().items() if allowed == set(KINDS)}
        assert {(method, path) for method, path in public if path.startswith("/api/")} - {
            ("GET", "/api/v1/openapi.json")
        } == PUBLIC_ROUTES

    @pytest.mark.parametrize("kind", KINDS)
    def test_lets_in_whom_the_file_names_and_nobody_else(self, stage, kind):
        lines, wrong = read_lines(), []
        for method, path in routes_of(stage.app):
            route = named(method, path)
            allowed = lines.get(route, frozenset())
            browser = stage.browser(kind)
            answer = browser.client.request(
                method,
                with_ids(path),
                headers={"X-Requested-With": "zhengxue"},
                json=None if method == "GET" else BODIES.get(route, {}),
            )
            code = answer.json()["code"] if answer.status_code >= 400 else None
            expected = SignInNeeded.slug if kind == ANONYMOUS else RoleNotAllowed.slug
            if answer.status_code >= 500:
                wrong.append(f"{route}: {answer.status_code} for {kind}")
            elif kind in allowed and code in REFUSALS:
                wrong.append(f"{route}: refuses {kind}, whom {FILE.name} allows")
            elif kind not in allowed and (code != expected or answer.status_code != REFUSALS[expected]):
                wrong.append(f"{route}: {kind} got {answer.status_code} {code}, should be {expected}")
        assert not wrong, "\n".join(wrong)


class TestOrder:
    """Who may not use a route learns nothing of it: not what a body should look like, not what exists."""

    def test_of_refusal_comes_before_the_body_is_judged(self, stage):
        for kind, status in ((ANONYMOUS, 401), ("bureau_auditor", 403)):
            browser = stage.browser(kind)
            for path in ("/me/real-name", "/courses", f"/courses/{stage.ids['course_id']}/review", "/uploads"):
                answer = browser.post(path, {"nonsense": True})
                assert answer.status_code == (403 if kind != ANONYMOUS else status), path
