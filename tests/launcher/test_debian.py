from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from app.launcher import debian
from app.launcher.commands import Outcome
from app.launcher.console import Console
from app.launcher.debian import Need, ensure_packages
from app.launcher.layout import Layout

NEED = Need("浏览器", packages=("chromium",), commands=("no-such-browser",))


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.delenv("ZX_VAR_DIR", raising=False)
    made = Layout(root=tmp_path)
    made.make_folders()
    return made


def ensure(layout: Layout) -> tuple[list[Need], str]:
    out = io.StringIO()
    return ensure_packages(layout, Console(out), [NEED]), out.getvalue()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What apt-get was asked: `update` and `install`; it always succeeds."""
    made: list[str] = []

    def fake(argv: list[str], **_: Any) -> Outcome:
        made.append(argv[1])
        return Outcome(code=0, tail="")

    monkeypatch.setattr(debian, "run_logged", fake)
    monkeypatch.setattr(debian.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    return made


class TestEnsurePackages:
    def test_an_ordinary_user_is_told_in_one_sentence_what_to_install(
        self, layout: Layout, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
        lacking, said = ensure(layout)
        assert lacking == [NEED]
        assert calls == []
        assert said == "! 缺少浏览器：请由管理员运行 apt-get install -y --no-install-recommends chromium。\n"

    def test_root_installs_from_the_lists_that_are_there(
        self, layout: Layout, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(debian, "answers", lambda _: "Package: chromium")
        ensure(layout)
        assert calls == ["install"]

    def test_root_fetches_the_lists_first_when_there_are_none(
        self, layout: Layout, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(debian, "answers", lambda _: None)
        ensure(layout)
        assert calls == ["update", "install"]

    def test_an_installation_that_fails_says_why_and_leaves_the_sentence(
        self, layout: Layout, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(debian, "run_logged", lambda *_, **__: Outcome(code=100, tail="No space left on device"))
        lacking, said = ensure(layout)
        assert lacking == [NEED]
        assert "磁盘已满" in said
        assert said.endswith("chromium。\n")

    def test_nothing_is_done_when_nothing_is_missing(self, layout: Layout, calls: list[str]) -> None:
        assert ensure_packages(layout, Console(io.StringIO()), [Need("shell", packages=("x",))]) == []
        assert calls == []


class TestMain:
    def test_the_first_command_in_a_fresh_clone_finds_its_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from app.launcher import __main__ as program

        seen: list[bool] = []

        def command(layout: Layout, _console: Console, _arguments: object) -> int:
            seen.append(layout.log.parent.is_dir())
            return 0

        monkeypatch.setenv("ZX_VAR_DIR", str(tmp_path / "var"))
        monkeypatch.setitem(program.COMMANDS, "test", command)
        assert program.main(["test"]) == 0
        assert seen == [True]
