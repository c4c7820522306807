from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from app.launcher import environment
from app.launcher.commands import Outcome
from app.launcher.console import Console, LaunchError
from app.launcher.environment import DEV, RUNTIME, ensure_environment, requirement_block, uv_settings
from app.launcher.layout import Layout

LOCK = """alpha==1.0 \\
    --hash=sha256:aa
setuptools==81.0.0 ; python_version >= '3.11' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
setuptools-scm==9.0 \\
    --hash=sha256:dd
"""


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.delenv("ZX_VAR_DIR", raising=False)
    for name in (RUNTIME, DEV):
        (tmp_path / name).write_text(LOCK)
    made = Layout(root=tmp_path)
    made.make_folders()
    return made


@pytest.fixture
def calls(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be run: `venv`, or the name of the lock that is installed."""
    made: list[str] = []

    def fake(argv: list[Any], **_: Any) -> Outcome:
        if "venv" in argv:
            made.append("venv")
            layout.python.parent.mkdir(parents=True, exist_ok=True)
            layout.python.write_text("")
        elif "sync" in argv:
            made.append(Path(argv[-1]).name)
        return Outcome(code=0, tail="")

    monkeypatch.setattr(environment, "run_logged", fake)
    monkeypatch.setattr(environment, "must_run", fake)
    monkeypatch.setattr(environment, "ensure_uv", lambda *_: Path("uv"))
    return made


def ensure(layout: Layout, *, dev: bool) -> None:
    ensure_environment(layout, Console(io.StringIO()), dev=dev)


class TestEnsureEnvironment:
    def test_builds_once_and_then_leaves_it_alone(self, layout: Layout, calls: list[str]) -> None:
        ensure(layout, dev=False)
        ensure(layout, dev=False)
        assert calls == ["venv", RUNTIME]

    def test_adds_the_test_tools_when_they_are_asked_for(self, layout: Layout, calls: list[str]) -> None:
        ensure(layout, dev=False)
        ensure(layout, dev=True)
        assert calls == ["venv", RUNTIME, DEV]

    def test_running_does_not_take_the_test_tools_away(self, layout: Layout, calls: list[str]) -> None:
        ensure(layout, dev=True)
        ensure(layout, dev=False)
        assert calls == ["venv", DEV]

    def test_running_keeps_the_test_tools_when_the_locks_change(self, layout: Layout, calls: list[str]) -> None:
        ensure(layout, dev=True)
        for name in (RUNTIME, DEV):
            (layout.root / name).write_text(LOCK.replace("1.0", "1.1"))
        ensure(layout, dev=False)
        assert calls == ["venv", DEV, DEV]

    def test_a_changed_lock_is_installed_into_the_same_environment(self, layout: Layout, calls: list[str]) -> None:
        ensure(layout, dev=False)
        (layout.root / RUNTIME).write_text(LOCK.replace("1.0", "1.1"))
        ensure(layout, dev=False)
        assert calls == ["venv", RUNTIME, RUNTIME]

    def test_another_python_version_builds_it_anew(
        self, layout: Layout, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ensure(layout, dev=False)
        monkeypatch.setattr(sys, "version", "3.99")
        ensure(layout, dev=False)
        assert calls == ["venv", RUNTIME] * 2

    def test_an_interrupted_installation_is_repeated(
        self, layout: Layout, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(environment, "run_logged", lambda *_, **__: Outcome(code=1, tail="hash mismatch"))
            with pytest.raises(LaunchError):
                ensure(layout, dev=False)
        ensure(layout, dev=False)
        assert calls[-1] == RUNTIME

    def test_pip_installs_the_same_lock_where_uv_reaches_nothing(
        self, layout: Layout, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[list[str]] = []
        monkeypatch.setattr(environment, "run_logged", lambda *_, **__: Outcome(code=2, tail="dns error"))
        monkeypatch.setattr(environment, "must_run", lambda argv, **_: seen.append([str(part) for part in argv]))
        monkeypatch.setattr(environment, "pip_command", lambda _: ["pip"])
        ensure(layout, dev=False)
        pip = [argv for argv in seen if argv[0] == "pip"]
        assert [Path(argv[-1]).name for argv in pip] == ["setuptools.lock", RUNTIME]
        assert all("--require-hashes" in argv and "--no-deps" in argv for argv in pip)


class TestRequirementBlock:
    def test_cuts_one_requirement_with_its_hashes(self, layout: Layout) -> None:
        block = requirement_block(layout.root / RUNTIME, "setuptools")
        assert block.startswith("setuptools==81.0.0 ;")
        assert block.count("--hash") == 2
        assert "scm" not in block

    def test_says_when_the_lock_has_none(self, layout: Layout) -> None:
        with pytest.raises(LookupError):
            requirement_block(layout.root / RUNTIME, "numpy")


class TestUvSettings:
    @pytest.fixture(autouse=True)
    def _bare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "SSL_CERT_FILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(environment, "pip_command", lambda _: ["pip"])
        monkeypatch.setattr(environment, "answers", lambda _: "")

    def test_hands_the_mirror_of_pip_to_uv(self, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(environment, "answers", lambda _: "global.index-url='mirror'\nglobal.timeout='60'")
        assert uv_settings(layout)["UV_DEFAULT_INDEX"] == "mirror"

    def test_the_environment_is_stronger_than_the_files(self, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        said = ":env:.index-url='nearest'\nglobal.index-url='mirror'\ninstall.index-url='other'"
        monkeypatch.setattr(environment, "answers", lambda _: said)
        assert uv_settings(layout)["UV_DEFAULT_INDEX"] == "nearest"

    def test_takes_the_certificates_of_pip_or_those_of_the_system(
        self, layout: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        bundle = tmp_path / "ca.crt"
        bundle.write_text("")
        monkeypatch.setattr(environment, "SYSTEM_CERTIFICATES", bundle)
        assert uv_settings(layout)["UV_SYSTEM_CERTS"] == "1"
        monkeypatch.setattr(environment, "answers", lambda _: f"global.cert='{bundle}'")
        assert uv_settings(layout)["SSL_CERT_FILE"] == str(bundle)

    def test_leaves_the_index_to_uv_when_pip_has_none(self, layout: Layout) -> None:
        assert "UV_DEFAULT_INDEX" not in uv_settings(layout)

    def test_does_not_overrule_what_uv_was_told(self, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UV_DEFAULT_INDEX", "theirs")
        monkeypatch.setattr(environment, "answers", lambda _: "global.index-url='mirror'")
        assert "UV_DEFAULT_INDEX" not in uv_settings(layout)
