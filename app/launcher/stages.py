"""`make test`: every check in order, all of them even after a failure, a table and pytest's own sums at the end."""

from __future__ import annotations

import os
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.launcher import debian, frontend
from app.launcher.commands import stream_lines
from app.launcher.console import Console
from app.launcher.layout import Layout

_CLOSING = re.compile(r"=+ (.*\b(?:passed|failed|error|errors|skipped|deselected|no tests ran)\b.*?) in ([\d.]+)s.*=+$")
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NO_TESTS = 5


@dataclass(frozen=True)
class Stage:
    """One check.

    Attributes:
        name: What it is called in the table.
        argv: The command.
        folder: Where it runs.
        needs: What the system must have for it.
        env: Settings it needs.
    """

    name: str
    argv: tuple[str | Path, ...]
    folder: Path
    needs: tuple[debian.Need, ...] = ()
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Result:
    """How a stage ended.

    Attributes:
        name: The stage.
        code: Exit code; None when it could not run.
        seconds: How long it took.
        closing: pytest's closing line without the equals signs; empty for other tools.
        why: Why it could not run.
    """

    name: str
    code: int | None
    seconds: float
    closing: str = ""
    why: str = ""


def all_stages(layout: Layout, arguments: Sequence[str] = ()) -> list[Stage]:
    """The checks in their order.

    Args:
        layout: The working copy.
        arguments: Handed to both pytest runs.
    """
    scripts = layout.venv / "bin"
    root = layout.root
    python = layout.python
    npm: tuple[str | Path, ...] = tuple(frontend.npm(layout))
    node = tuple(sorted(frontend.node_environment(layout).items()))
    pytest: tuple[str | Path, ...] = (python, "-m", "pytest", *arguments)
    return [
        Stage("ruff check", (scripts / "ruff", "check", "."), root),
        Stage("ruff format", (scripts / "ruff", "format", "--check", "."), root),
        Stage("mypy", (python, "-m", "mypy"), root),
        Stage("import-linter", (scripts / "lint-imports",), root),
        Stage("deptry", (scripts / "deptry", "."), root),
        Stage("alembic check", (python, "-m", "app.launcher.schema"), root),
        Stage("前端 build", (sys.executable, "-m", "app.launcher", "pages"), root),
        Stage("前端 check", (*npm, "run", "check"), layout.web, env=node),
        Stage("前端 test", (*npm, "run", "test"), layout.web, env=node),
        Stage("pytest", (*pytest, "-m", "not journey", "-n", "2"), root),
        Stage("pytest 浏览器", (*pytest, "-m", "journey", "-v"), root, needs=(debian.BROWSER, debian.FONT)),
    ]


def run_stages(stages: Sequence[Stage], *, layout: Layout, console: Console) -> int:
    """Run all stages and print the table.

    Returns:
        0 when all succeeded, else 1.
    """
    results = [
        _run(stage, number, len(stages), layout=layout, console=console) for number, stage in enumerate(stages, 1)
    ]
    console.heading("结果")
    for result in results:
        verdict = console.colour("通过", 32) if result.code == 0 else console.colour("失败", 31)
        console.say(f"{verdict}  {result.seconds:7.1f} s  {padded(result.name)}{_remark(result)}")
    failed = [result.name for result in results if result.code != 0]
    total = sum(result.seconds for result in results)
    console.say(f"共 {total:.0f} 秒" + (f"，失败：{'、'.join(failed)}" if failed else "，全部通过"))
    closing = closing_line(results)
    if closing:
        console.say(closing)
    return 1 if failed else 0


def padded(name: str, *, width: int = 16) -> str:
    """Fill a name up to `width` columns of a terminal, where a Chinese character takes two."""
    taken = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name)
    return name + " " * max(1, width - taken)


def _remark(result: Result) -> str:
    if result.code == NO_TESTS and result.closing:
        return "没有找到测试"
    return result.why or result.closing or ("" if result.code == 0 else f"退出码 {result.code}")


def closing_line(results: Sequence[Result]) -> str:
    """Add up the closing lines of the pytest runs into one of the same form; empty when there was none."""
    counts: Counter[str] = Counter()
    for result in results:
        for number, kind in _COUNT.findall(result.closing):
            counts[kind.removesuffix("s") if kind in {"errors", "warnings"} else kind] += int(number)
    order = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")
    parts = [
        f"{counts[kind]} {kind}{'s' if kind == 'error' and counts[kind] > 1 else ''}" for kind in order if counts[kind]
    ]
    seconds = sum(result.seconds for result in results if result.closing)
    return f"===== {', '.join(parts)} in {seconds:.2f}s =====" if parts else ""


def _run(stage: Stage, number: int, count: int, *, layout: Layout, console: Console) -> Result:
    console.heading(f"{number}/{count}  {stage.name}")
    started = time.monotonic()
    lacking = debian.missing(stage.needs)
    if lacking:
        why = lacking[0].sentence()
        console.say(why)
        return Result(stage.name, code=None, seconds=0.0, why=why)
    closing = ""

    def take(line: str) -> None:
        nonlocal closing
        console.say(line)
        found = _CLOSING.search(_COLOURS.sub("", line))
        if found:
            closing = f"{found[1]} in {found[2]}s"

    env = {**dict(stage.env), "PYTHONUNBUFFERED": "1"}
    if os.environ.get("COLUMNS") is None:
        env["COLUMNS"] = "100"
    code = stream_lines(stage.argv, take=take, log=layout.var / "log" / "test.log", cwd=stage.folder, env=env)
    return Result(stage.name, code=code, seconds=time.monotonic() - started, closing=closing)
