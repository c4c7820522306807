"""Relate every clause of the catalogue to its tests, its code or a written reason.

Three files are compared:

* ``docs/clauses.json``: the catalogue. `clauses` are the sentences of the regions' documents, `standards` the rules
  taken from law and standards, `ambiguities` the places with two readings.
* ``docs/compliance-plan.toml``: reasons. A clause stands in ``[planned]`` (no test yet), ``[partly]`` (tests prove
  part of it) or ``[out_of_scope]``; a clause that is fully tested stands in none.
* the tests: ``@pytest.mark.clause("CC-4.3.3", ...)`` on a function or class, or in a module's ``pytestmark``. They
  are read from the source text, so that nothing has to run; the ids must be literal strings.

``python -m tests.architecture.compliance`` writes ``docs/compliance.md`` from them and lists what is wrong. The page
depends on nothing else, so a test can tell whether the committed one is up to date.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "compliance.md"
CODE = ("app", "proctoring", "exam", "storage", "migrations", "bench")
STATUSES = ("planned", "partly", "out_of_scope")
ID = re.compile(r"\b(?:CC|JL|LN|SD|TA|HLJ|SH|L)-[A-Z0-9]+[a-z]?(?:[.\-][A-Za-z0-9]+)*\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """A place that names a clause: a test by its marker, or code by its docstring."""

    clause: str
    path: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The catalogue and the plan; `reasons` maps a clause to its status and reason."""

    clauses: tuple[Mapping[str, str], ...]
    standards: tuple[Mapping[str, str], ...]
    reasons: Mapping[str, tuple[str, str]]
    duplicates: tuple[str, ...]

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the clauses, which all need a test or a reason."""
        return frozenset(clause["id"] for clause in self.clauses)

    @property
    def known(self) -> frozenset[str]:
        """All ids that tests and code may name."""
        return self.ids | {rule["id"] for rule in self.standards}


def load_catalogue(docs: Path = ROOT / "docs") -> Catalogue:
    """Read the catalogue and the plan from a docs folder."""
    catalogue = json.loads((docs / "clauses.json").read_text(encoding="utf-8"))
    plan = tomllib.loads((docs / "compliance-plan.toml").read_text(encoding="utf-8"))
    unknown = set(plan) - set(STATUSES)
    if unknown:
        raise ValueError(f"compliance-plan.toml: no such status: {sorted(unknown)}")
    entries = [(clause, status, reason) for status in plan for clause, reason in plan[status].items()]
    counts = Counter(clause for clause, _, _ in entries)
    return Catalogue(
        clauses=tuple(catalogue["clauses"]),
        standards=tuple(catalogue["standards"]),
        reasons={clause: (status, reason) for clause, status, reason in entries},
        duplicates=tuple(clause for clause, count in counts.items() if count > 1),
    )


def marked_tests(folder: Path = ROOT / "tests") -> list[Citation]:
    """List every clause a test names in a marker, sorted."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [_cite(clause, path, line) for clause, line in _markers(tree)]
    return sorted(found, key=lambda item: (item.clause, item.path, item.line))


def cited_in_code(root: Path = ROOT) -> list[Citation]:
    """List every clause a docstring names under ``Clauses:``, sorted."""
    found = []
    for path in sorted(path for name in CODE for path in (root / name).rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [_cite(clause, path, line) for clause, line in _docstring_clauses(tree)]
    return sorted(found, key=lambda item: (item.clause, item.path, item.line))


def problems(catalogue: Catalogue, tests: list[Citation], code: list[Citation]) -> list[str]:
    """List everything that is wrong between catalogue, plan, tests and code; empty when all is well."""
    tested = {citation.clause for citation in tests}
    found = [f"{clause}: stands twice in compliance-plan.toml" for clause in catalogue.duplicates]
    found += [
        f"{citation.path}:{citation.line}: {citation.clause} is no clause of docs/clauses.json"
        for citation in (*tests, *code)
        if citation.clause not in catalogue.known
    ]
    for clause in sorted(catalogue.ids | set(catalogue.reasons)):
        status, reason = catalogue.reasons.get(clause, ("", ""))
        found += [f"{clause}: {text}" for text in _wrong(clause, status, reason, catalogue, tested)]
    return found


def _wrong(clause: str, status: str, reason: str, catalogue: Catalogue, tested: set[str]) -> Iterator[str]:
    if clause not in catalogue.ids:
        yield "compliance-plan.toml names a clause that is not in docs/clauses.json"
        return
    if status and len(reason) < 15:
        yield "the reason in compliance-plan.toml says nothing"
    if clause not in tested and status not in {"planned", "out_of_scope"}:
        yield "has neither a test nor a reason; mark a test or write into compliance-plan.toml why not"
    if clause in tested and status in {"planned", "out_of_scope"}:
        yield f"is tested but still {status} in compliance-plan.toml; delete the line or move it to [partly]"


def render(catalogue: Catalogue, tests: list[Citation], code: list[Citation]) -> str:
    """Write the compliance matrix as Markdown; same input, same text."""
    by_test, by_code = _by_clause(tests), _by_clause(code)
    states = {clause["id"]: catalogue.reasons.get(clause["id"], ("tested", ""))[0] for clause in catalogue.clauses}
    lines = [
        "# Compliance matrix",
        "",
        "Written by `python -m tests.architecture.compliance` from `docs/clauses.json`, `docs/compliance-plan.toml`,",
        "the `clause` markers of the tests and the `Clauses:` sections of the code. Do not edit by hand.",
        "",
        "*Tested*: tests prove the rule. *Partly*: tests prove some of it, the reason says what is missing.",
        "*Planned* and *out of scope*: the reason says why there is no test.",
        "",
        *_summary(catalogue, states),
    ]
    for source in dict.fromkeys(clause["source"] for clause in catalogue.clauses):
        lines += ["", f"## {source}", "", "| clause | what it asks | state | tests | code |", "|---|---|---|---|---|"]
        for clause in catalogue.clauses:
            if clause["source"] == source:
                name = clause["id"]
                state = _state(states[name], catalogue.reasons.get(name, ("", ""))[1])
                cells = (f"`{name}`", clause["english"], state, _files(by_test[name]), _files(by_code[name]))
                lines.append(_row(cells))
    lines += ["", "## Law and standards", "", "Only rules that tests touch; a test may prove part of a rule.", ""]
    lines += ["| rule | basis | tests | code |", "|---|---|---|---|"]
    for rule in catalogue.standards:
        name = rule["id"]
        if by_test[name]:
            lines.append(_row((f"`{name}`", rule["basis"], _files(by_test[name]), _files(by_code[name]))))
    return "\n".join(lines) + "\n"


def _summary(catalogue: Catalogue, states: Mapping[str, str]) -> Iterator[str]:
    order = ("tested", "partly", "planned", "out_of_scope")
    yield "| source | clauses | tested | partly | planned | out of scope |"
    yield "|---|---|---|---|---|---|"
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for clause in catalogue.clauses:
        groups[clause["source"]][states[clause["id"]]] += 1
        groups["all"][states[clause["id"]]] += 1
    for source in sorted(groups, key=lambda name: (name == "all", name)):
        counts = groups[source]
        yield _row((source, str(counts.total()), *(str(counts[state]) for state in order)))


def _state(status: str, reason: str) -> str:
    word = status.replace("_", " ")
    return f"{word}: {reason}" if reason else word


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _files(paths: set[str]) -> str:
    return "<br>".join(f"[{path}](../{path})" for path in sorted(paths))


def _by_clause(citations: list[Citation]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for citation in citations:
        found[citation.clause].add(citation.path)
    return found


def _cite(clause: str, path: Path, line: int) -> Citation:
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return Citation(clause=clause, path=shown.as_posix(), line=line)


def _markers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Find the ids of ``pytest.mark.clause(...)``; an id that is no literal is reported as ``?``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.clause":
            for argument in node.args:
                literal = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                yield (str(argument.value) if literal else "?"), argument.lineno


def _docstring_clauses(tree: ast.Module) -> Iterator[tuple[str, int]]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented):
            text = ast.get_docstring(node) or ""
            for clause in section_ids(text):
                yield clause, getattr(node, "lineno", 1)


def section_ids(docstring: str) -> list[str]:
    """List the ids under ``Clauses:`` of a docstring: its indented lines up to the next section."""
    found: list[str] = []
    inside = False
    for line in docstring.splitlines():
        if line.strip().startswith("Clauses:"):
            inside = True
            found += ID.findall(line.partition("Clauses:")[2])
        elif inside and line.startswith(" ") and line.strip():
            found += ID.findall(line)
        elif inside and line.strip():
            inside = False
    return found


def main() -> None:
    """Write ``docs/compliance.md``, then list what is still wrong."""
    catalogue, tests, code = load_catalogue(), marked_tests(), cited_in_code()
    PAGE.write_text(render(catalogue, tests, code), encoding="utf-8")
    sys.stdout.write("".join(f"{problem}\n" for problem in problems(catalogue, tests, code)))


if __name__ == "__main__":
    main()
