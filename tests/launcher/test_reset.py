from __future__ import annotations

import fcntl
import io
from pathlib import Path

import pytest

from app.launcher.console import Console, LaunchError
from app.launcher.layout import Layout
from app.launcher.reset import discard_data


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.delenv("ZX_VAR_DIR", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    made = Layout(root=tmp_path)
    made.make_folders()
    for name in ("postgres", "objects", "simulator", "models", "test-photos"):
        (made.var / name).mkdir()
        (made.var / name / "file").write_text("x")
    (made.var / "platform-key.pub").write_text("x")
    return made


def discard(layout: Layout) -> None:
    discard_data(layout, Console(io.StringIO()))


class TestDiscardData:
    def test_removes_the_data_and_keeps_what_was_built(self, layout: Layout) -> None:
        discard(layout)
        kept = {entry.name for entry in layout.var.iterdir()}
        assert kept == {"log", "models", "run", "stamps", "test-photos", "tools"}

    def test_does_not_follow_a_link_out_of_the_folder(self, layout: Layout, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "precious").write_text("x")
        (layout.var / "linked").symlink_to(elsewhere)
        discard(layout)
        assert (elsewhere / "precious").exists()
        assert not (layout.var / "linked").is_symlink()

    def test_refuses_while_the_platform_runs(self, layout: Layout) -> None:
        with (layout.var / "run" / "up.lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(LaunchError) as caught:
                discard(layout)
        assert "正在运行" in caught.value.chinese
        assert (layout.var / "postgres" / "file").exists()

    def test_never_touches_a_database_of_its_own(self, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://db/zhengxue")
        with pytest.raises(LaunchError) as caught:
            discard(layout)
        assert "DATABASE_URL" in caught.value.chinese
        assert (layout.var / "objects" / "file").exists()
