from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from app.launcher import debian
from app.launcher.console import Console
from app.launcher.layout import Layout
from app.launcher.stages import Result, Stage, closing_line, run_stages


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.delenv("ZX_VAR_DIR", raising=False)
    made = Layout(root=tmp_path)
    made.make_folders()
    return made


def stage(name: str, code: str, *needs: debian.Need) -> Stage:
    return Stage(name, (sys.executable, "-c", code), Path.cwd(), needs=needs)


def run(layout: Layout, *stages: Stage) -> tuple[int, list[str]]:
    out = io.StringIO()
    code = run_stages(stages, layout=layout, console=Console(out))
    return code, out.getvalue().splitlines()


PYTEST = "print('\\x1b[32m===== 7 passed, 1 skipped in 2.50s =====\\x1b[0m')"


class TestRunStages:
    def test_runs_everything_after_a_failure_and_fails_at_the_end(self, layout: Layout) -> None:
        code, lines = run(layout, stage("lint", "raise SystemExit(3)"), stage("types", "print('types ran')"))
        assert code == 1
        assert "types ran" in lines
        assert lines[-1].endswith("失败：lint")

    def test_ends_with_a_closing_line_as_pytest_writes_it(self, layout: Layout) -> None:
        code, lines = run(layout, stage("pytest", PYTEST), stage("journeys", PYTEST.replace("7", "2")))
        assert code == 0
        assert lines[-1].startswith("===== 9 passed, 2 skipped in ")

    def test_prints_one_row_for_each_stage(self, layout: Layout) -> None:
        _, lines = run(layout, stage("lint", "raise SystemExit(3)"), stage("pytest", PYTEST))
        rows = [line for line in lines if line.startswith(("通过", "失败"))]
        assert [row.split()[0] for row in rows] == ["失败", "通过"]
        assert "退出码 3" in rows[0]
        assert "7 passed, 1 skipped in 2.50s" in rows[1]

    def test_a_stage_whose_needs_are_missing_fails_with_what_to_install(self, layout: Layout) -> None:
        need = debian.Need("浏览器", packages=("chromium",), commands=("no-such-browser",))
        code, lines = run(layout, stage("journeys", "print('never')", need))
        assert code == 1
        assert "never" not in lines
        assert any("apt-get install -y --no-install-recommends chromium" in line for line in lines)


class TestClosingLine:
    def test_adds_up_failures_errors_and_passes(self) -> None:
        results = [
            Result("a", 1, 2.0, closing="1 failed, 3 passed, 2 warnings, 1 error in 2.00s"),
            Result("b", 0, 1.0, closing="4 passed, 5 deselected, 1 error in 1.00s"),
            Result("c", 0, 9.0),
        ]
        assert closing_line(results) == "===== 1 failed, 2 errors, 7 passed in 3.00s ====="

    def test_is_empty_when_no_test_ran(self) -> None:
        assert closing_line([Result("lint", 0, 1.0)]) == ""
