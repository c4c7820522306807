"""The OpenAPI document is complete, and the committed one is the served one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.api.deps import PUBLIC_ROUTES
from app.api.v1 import answers, heartbeats
from app.core.errors import Unprocessable
from app.core.settings import Settings
from app.main import create_app
from app.wiring import build
from tests.api.stage import routes_of

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
NOT_IN_IT = {"/api/v1/openapi.json", "/metrics", "/objects/{key:path}"}
"""The document itself, and addresses that no client composes."""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    settings = Settings(environment="development", var_dir=tmp_path_factory.mktemp("openapi"))
    made = build(settings, database_url="postgresql://localhost/never-connected")
    yield create_app(made)
    made.close()


@pytest.fixture(scope="module")
def document(app):
    return json.loads(json.dumps(app.openapi()))


class TestDocument:
    def test_is_the_committed_one(self, document):
        committed = json.loads(COMMITTED.read_text(encoding="utf-8"))
        changed = {
            path
            for path in document["paths"].keys() | committed["paths"].keys()
            if document["paths"].get(path) != committed["paths"].get(path)
        }
        assert document == committed, f"run `python -m app.cli openapi` and commit; changed: {sorted(changed)}"

    def test_holds_every_route_and_nothing_else(self, app, document):
        described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
        assert described == {(method, path) for method, path in routes_of(app) if path not in NOT_IN_IT}

    def test_says_how_every_operation_fails_and_who_may_call_it(self, document):
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                problem = {"$ref": "#/components/responses/Problem"}
                assert (operation["responses"]["4XX"], operation["responses"]["503"]) == (problem, problem)
                assert "422" not in operation["responses"]
                needs = {name for one in operation["security"] for name in one}
                is_public = (method.upper(), path) in PUBLIC_ROUTES or path.startswith("/health")
                assert needs == ({"session"} - ({"session"} if is_public else set())) | (
                    {"page"} if method != "get" else set()
                )
                assert operation["summary"]
                assert operation["tags"]

    def test_refers_only_to_what_it_holds(self, document):
        text = json.dumps(document)
        schemas = set(document["components"]["schemas"])
        referred = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
        assert referred <= schemas
        assert schemas == referred, f"described but unused: {schemas - referred}"


BEAT = {
    "seq": 1,
    "token": "x",
    "intervals": [[0, 15_000]],
    "position_ms": 15_000,
    "rate": 1.0,
    "hidden": False,
    "muted": False,
    "playing": True,
}
ANSWER = {"seq": 1, "no": 1, "value": ["A", "C"]}
ID = {"session_id": "01a20203-f31a-745e-94ec-fb55f31965b1", "attempt_id": "01a20203-f31a-745e-94ec-fb55f31965b1"}


@pytest.mark.parametrize(("module", "body"), [(heartbeats, BEAT), (answers, ANSWER)], ids=["heartbeats", "answers"])
class TestHotPathParsedByHand:
    """What the document promises of a hot path and what its hand-written rules take are the same."""

    def test_takes_what_is_described(self, module, body):
        module.DESCRIBED.takes.model_validate(body)
        module.parse(ID, body)
        module.parse(ID, body | {"client_at": None})

    def test_needs_what_is_required(self, module, body):
        required = {name for name, field in module.DESCRIBED.takes.model_fields.items() if field.is_required()}
        assert required == set(body)
        for name in required:
            with pytest.raises(Unprocessable) as refused:
                module.parse(ID, {key: value for key, value in body.items() if key != name})
            assert [one["pointer"] for one in refused.value.extensions["errors"]] == [f"/{name}"]

    @pytest.mark.parametrize("value", [None, -1, "x" * 100, [["a"]], {}, 10**20, True, "\x00", [[2, 1]]])
    def test_refuses_what_is_not_described(self, module, body, value):
        from pydantic import ValidationError

        for name in body:
            try:
                module.DESCRIBED.takes.model_validate(body | {name: value}, strict=True)
            except ValidationError:
                with pytest.raises(Unprocessable):
                    module.parse(ID, body | {name: value})
