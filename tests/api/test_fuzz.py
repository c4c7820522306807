"""Requests made from the OpenAPI document: no 5xx, no answer that the document does not describe.

`ZX_FUZZ_EXAMPLES` sets how many cases each operation gets from each actor (4 here; hundreds for a night's run).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import staged
from tests.api.stage import KINDS, Stage
from tests.api.test_permissions import read_lines

pytestmark = pytest.mark.commits

OURS = {"x-requested-with": "zhengxue"}
EXAMPLES = int(os.environ.get("ZX_FUZZ_EXAMPLES", "4"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
RULES = settings(
    max_examples=EXAMPLES,
    derandomize="ZX_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def worn_stage(template, tmp_path_factory) -> Iterator[Stage]:
    """A stage of this module alone; nobody knows in what state it ends."""
    with staged(template, tmp_path_factory.mktemp("fuzz")) as made:
        yield made


@pytest.fixture(scope="module")
def operations(worn_stage) -> dict[str, Any]:
    """Every operation of the document by `METHOD /path`."""
    schema = schemathesis.openapi.from_dict(worn_stage.app.openapi())
    found = (result.ok() for result in schema.get_all_operations())
    return {f"{one.method.upper()} {one.path}": one for one in found}


def cases(operation: Any) -> st.SearchStrategy[Any]:
    good = operation.as_strategy(GenerationMode.POSITIVE)
    takes_input = any((operation.path_parameters, operation.query, operation.body))
    return good | operation.as_strategy(GenerationMode.NEGATIVE) if takes_input else good


def send(stage: Stage, kind: str, case: Any, *, is_real: bool) -> Any:
    """Send a case as somebody; with real ids in its path, so that it comes further than 404."""
    if is_real:
        case.path_parameters = {
            name: stage.ids.get(name, value) for name, value in (case.path_parameters or {}).items()
        }
    request = case.as_transport_kwargs(base_url="http://localhost:8000")
    request.pop("cookies", None)
    made = requests.Request(**request).prepare()
    headers = {name: value for name, value in made.headers.items() if name.lower() not in {"cookie", *OURS}}
    answer = stage.browser(kind).client.request(made.method, made.url, content=made.body, headers=headers | OURS)
    answer.request.read()
    return answer


class TestDocument:
    @pytest.mark.parametrize("kind", KINDS)
    def test_describes_every_answer_and_none_is_5xx(self, worn_stage, operations, kind):
        lines, wrong = read_lines(), []
        for name, operation in operations.items():
            if kind not in lines.get(name, ()):
                continue

            @RULES
            @given(case=cases(operation), is_real=st.booleans())
            def run(case: Any, is_real: bool) -> None:
                answer = send(worn_stage, kind, case, is_real=is_real)
                hypothesis.note(answer.text[:500])
                case.validate_response(answer, checks=CHECKS)

            try:
                run()
            except (Failure, ExceptionGroup) as error:
                wrong.append(f"{name} as {kind}: {error}")
        assert not wrong, "\n\n".join(wrong)
