from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.launcher import commands
from app.launcher.commands import Outcome, answers, explain, must_run, run_logged
from app.launcher.console import LaunchError, Step


class TestExplain:
    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            ("error: failed to write: No space left on device (os error 28)", "磁盘已满"),
            ("npm error code ENOSPC", "磁盘已满"),
            ("error: command 'gcc' failed: No such file or directory", "缺少 C 编译器"),
            ("FileNotFoundError: [Errno 2] No such file or directory: 'cmake'", "缺少 C 编译器"),
            ("error: command 'x86_64-linux-gnu-gcc' failed with exit status 1", "缺少 C 编译器"),
            ("client error (Connect): dns error: failed to lookup address information", "连接不到软件包仓库"),
            ("npm error code ENOTFOUND", "连接不到软件包仓库"),
            ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "哈希不一致"),
            ("npm error code EINTEGRITY", "哈希不一致"),
            ("Segmentation fault", "安装失败（退出码 3）"),
        ],
    )
    def test_names_the_cause_in_one_sentence(self, said: str, sentence: str, tmp_path: Path) -> None:
        error = explain(Outcome(code=3, tail=said), title="安装", log=tmp_path / "log")
        assert sentence in error.chinese
        assert error.tail == said

    def test_suspects_the_disk_when_it_is_full_whatever_the_tool_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commands, "FULL_DISK_MIB", 10**9)
        error = explain(Outcome(code=1, tail="Segmentation fault"), title="安装", log=tmp_path / "log")
        assert "磁盘已满" in error.chinese


class TestRunLogged:
    def test_keeps_the_whole_output_and_the_last_lines(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        code = "import sys; [print(n) for n in range(100)]; sys.exit(4)"
        outcome = run_logged([sys.executable, "-c", code], log=log, step=Step("x"), cwd=tmp_path)
        assert outcome.code == 4
        assert outcome.tail.splitlines() == [str(number) for number in range(70, 100)]
        assert "\n0\n1\n" in log.read_text()

    def test_takes_the_latest_line_as_progress(self, tmp_path: Path) -> None:
        step = Step("x")
        run_logged(
            [sys.executable, "-c", "print('one'); print('two'); print()"], log=tmp_path / "l", step=step, cwd=tmp_path
        )
        assert step.last == "two"

    def test_keeps_a_foreign_environment_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", "/elsewhere")
        monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
        code = "import os; print(sorted({'PYTHONPATH', 'VIRTUAL_ENV', 'MORE'} & set(os.environ)))"
        outcome = run_logged(
            [sys.executable, "-c", code], log=tmp_path / "l", step=Step("x"), cwd=tmp_path, env={"MORE": "1"}
        )
        assert outcome.tail == "['MORE']"


class TestMustRun:
    def test_raises_the_explained_failure(self, tmp_path: Path) -> None:
        with pytest.raises(LaunchError, match="full"):
            must_run(
                [sys.executable, "-c", "import sys; sys.exit('No space left on device')"],
                log=tmp_path / "l",
                step=Step("安装"),
                cwd=tmp_path,
            )


class TestAnswers:
    def test_is_none_for_a_program_that_is_absent_or_fails(self) -> None:
        assert answers(["/nowhere/at/all"]) is None
        assert answers([sys.executable, "-c", "raise SystemExit(1)"]) is None
        assert answers([sys.executable, "-c", "print(' hi ')"]) == "hi"
