from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from app.launcher import prepare
from app.launcher.console import LaunchError
from app.launcher.layout import Layout, read_stamp, tree_digest, write_stamp
from app.launcher.supervise import check_free_space


class TestTreeDigest:
    def test_changes_with_contents_and_names_only(self, tmp_path: Path) -> None:
        source = tmp_path / "src" / "a.ts"
        source.parent.mkdir()
        source.write_text("one")
        before = tree_digest(tmp_path, skip=frozenset({"node_modules"}))
        os.utime(source, (1, 1))
        (tmp_path / "node_modules").mkdir()
        (tmp_path / "node_modules" / "x.js").write_text("x")
        assert tree_digest(tmp_path, skip=frozenset({"node_modules"})) == before
        source.write_text("two")
        after = tree_digest(tmp_path, skip=frozenset({"node_modules"}))
        assert after != before
        source.rename(source.with_name("b.ts"))
        assert tree_digest(tmp_path, skip=frozenset({"node_modules"})) != after


class TestStamps:
    def test_read_back_what_was_written(self, tmp_path: Path) -> None:
        write_stamp(tmp_path / "deep" / "stamp.json", {"lock": "aa"})
        assert read_stamp(tmp_path / "deep" / "stamp.json") == {"lock": "aa"}

    @pytest.mark.parametrize("content", ["", "{", "[]"])
    def test_a_torn_one_counts_as_none(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "stamp.json").write_text(content)
        assert read_stamp(tmp_path / "stamp.json") == {}


class TestMakeFolders:
    def test_says_so_when_the_folder_belongs_to_another_user(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied", str(tmp_path / "var"))

        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(LaunchError) as caught:
            Layout(root=tmp_path).make_folders()
        assert "属于另一个用户" in caught.value.chinese
        assert str(tmp_path / "var") in caught.value.chinese


class TestSpace:
    @pytest.fixture
    def small_disk(self, tmp_path: Path):
        """A real file system of 16 MiB."""
        place = tmp_path / "disk"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            pytest.skip("mounting a small file system needs root")
        yield place
        subprocess.run(["umount", str(place)], check=True)

    def test_the_supervisor_refuses_a_nearly_full_disk(self, small_disk: Path) -> None:
        with pytest.raises(LaunchError) as caught:
            check_free_space(small_disk / "var")
        assert "磁盘空间不足" in caught.value.chinese
        assert "只剩 0.0 GB" in caught.value.chinese

    def test_the_preparation_refuses_a_nearly_full_disk(self, small_disk: Path) -> None:
        with pytest.raises(LaunchError) as caught:
            prepare.check_space(Layout(root=small_disk))
        assert "至少需要 3 GB" in caught.value.chinese

    def test_a_log_on_a_full_disk_loses_lines_but_not_the_program(self, small_disk: Path) -> None:
        from app.launcher.children import RotatingLog

        log = RotatingLog(small_disk / "web.log")
        (small_disk / "filler").write_bytes(b"x" * 2**20 * 15)
        for _ in range(40):
            log.write(b"y" * 2**16)
        assert log.lost > 0
        log.close()


class TestRotatingLog:
    def test_keeps_a_few_older_copies(self, tmp_path: Path) -> None:
        from app.launcher.children import LOG_COPIES, RotatingLog

        log = RotatingLog(tmp_path / "web.log", limit=100)
        for number in range(50):
            log.write(f"line {number:04}\n".encode())
        log.close()
        assert len(list(tmp_path.iterdir())) == LOG_COPIES + 1
        assert (tmp_path / "web.log").read_text().endswith("line 0049\n")
