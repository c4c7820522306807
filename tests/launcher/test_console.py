from __future__ import annotations

import io
import time

import pytest

from app.launcher import console
from app.launcher.console import Console, LaunchError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestStep:
    def test_says_its_time_when_it_succeeds(self) -> None:
        out = io.StringIO()
        with Console(out).step("安装") as step:
            step.outcome = "requirements.lock"
        assert out.getvalue().startswith("✓ 安装，requirements.lock  0.")

    def test_is_marked_when_it_fails(self) -> None:
        out = io.StringIO()
        with pytest.raises(LaunchError), Console(out).step("安装"):
            raise LaunchError("坏了", "broken")
        assert out.getvalue().startswith("✗ 安装")

    def test_shows_progress_while_it_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(console, "REDRAW_S", 0.02)
        out = Terminal()
        with Console(out).step("安装") as step:
            step.note("downloading numpy")
            time.sleep(0.2)
        assert "downloading numpy" in out.getvalue()
        assert out.getvalue().index("\x1b[2K") > 0

    def test_writes_whole_lines_where_there_is_no_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(console, "PULSE_S", 0.05)
        out = io.StringIO()
        with Console(out).step("安装") as step:
            step.note("downloading numpy")
            time.sleep(1.3)
        assert out.getvalue().splitlines()[0] == "… 安装"
        assert "\x1b" not in out.getvalue()
        assert "\r" not in out.getvalue()


class TestLaunchError:
    def test_puts_the_sentence_below_the_output_of_the_tool(self) -> None:
        text = LaunchError("磁盘已满", "The disk is full", tail="os error 28").text()
        assert text.splitlines()[0] == "os error 28"
        assert text.splitlines()[-2:] == ["✗ 磁盘已满", "  The disk is full"]
