"""The embedded server, for real, on folders of its own."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.core.embedded import EmbeddedPostgres, EmbeddedPostgresFailed, start_embedded


def value(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def postmaster(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split()[0])


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose parents stay open: every new pytest session closes the one above `tmp_path`."""
    made = Path(tempfile.mkdtemp(prefix="zx-pg-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def folder(place: Path) -> Path:
    return place / "data"


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    started = start_embedded(folder)
    yield started
    started.stop()


class TestStartEmbedded:
    def test_gives_an_address_that_answers(self, server: EmbeddedPostgres) -> None:
        assert server.is_running()
        assert str(value(server, "SHOW server_version")).startswith("18.")

    def test_sorts_and_stores_alike_on_every_machine(self, server: EmbeddedPostgres) -> None:
        assert value(server, "SHOW server_encoding") == "UTF8"
        assert value(server, "SELECT datlocale FROM pg_database WHERE datname = 'postgres'") == "C.UTF-8"

    def test_keeps_what_was_committed_over_a_restart(self, server: EmbeddedPostgres, folder: Path) -> None:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        server.stop()
        assert not server.is_running()
        assert value(start_embedded(folder), "SELECT answer FROM kept") == 42

    def test_joins_the_server_that_runs(self, server: EmbeddedPostgres, folder: Path) -> None:
        before = postmaster(folder)
        assert start_embedded(folder).url == server.url
        assert postmaster(folder) == before

    def test_waits_for_the_disk_unless_nobody_will_miss_the_data(self, server: EmbeddedPostgres, place: Path) -> None:
        assert value(server, "SHOW fsync") == "on"
        fleeting = start_embedded(place / "fleeting", durable=False)
        assert value(fleeting, "SHOW fsync") == "off"
        fleeting.stop()

    def test_listens_on_no_network(self, server: EmbeddedPostgres) -> None:
        assert value(server, "SHOW listen_addresses") == ""

    def test_outlives_the_process_that_started_it(self, folder: Path) -> None:
        code = "import sys, pathlib, app.core.embedded as e; e.start_embedded(pathlib.Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
        server = EmbeddedPostgres(folder)
        assert server.is_running()
        server.stop()
        assert not server.is_running()

    def test_starts_after_a_crash_that_nobody_cleaned_up(self, server: EmbeddedPostgres, folder: Path) -> None:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(postmaster(folder), signal.SIGKILL)
        deadline = time.monotonic() + 10
        while server.is_running():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.restart()
        assert value(server, "SELECT answer FROM kept") == 42

    def test_starts_when_the_old_number_is_now_another_program(self, server: EmbeddedPostgres, folder: Path) -> None:
        server.stop()
        (folder / "postmaster.pid").write_text(f"{os.getpid()}\n")
        assert start_embedded(folder).is_running()

    def test_takes_a_path_longer_than_a_socket_name(self, place: Path) -> None:
        folder = place.joinpath(*["a-long-folder-name"] * 6) / "data"
        server = start_embedded(folder)
        sockets = Path(str(value(server, "SHOW unix_socket_directories")))
        try:
            assert len(str(folder)) > 108
            assert server.is_running()
            assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        finally:
            server.stop()
            sockets.rmdir()

    def test_takes_a_path_with_spaces_and_chinese(self, place: Path) -> None:
        server = start_embedded(place / "证学 数据" / "data")
        try:
            assert server.is_running()
        finally:
            server.stop()

    def test_starts_after_its_folder_was_moved_into_a_private_one(
        self, server: EmbeddedPostgres, folder: Path, place: Path
    ) -> None:
        server.stop()
        private = place / "private"
        private.mkdir(mode=0o700)
        folder.rename(private / "data")
        moved = start_embedded(private / "data")
        assert moved.is_running()
        moved.stop()

    def test_lets_nobody_else_into_its_folder(self, server: EmbeddedPostgres, folder: Path) -> None:
        assert server.is_running()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_says_what_the_program_said_when_it_fails(self, server: EmbeddedPostgres, folder: Path) -> None:
        server.stop()
        (folder / "PG_VERSION").write_text("12\n")
        with pytest.raises(EmbeddedPostgresFailed, match="could not start server"):
            start_embedded(folder)


class TestStop:
    def test_may_be_repeated(self, server: EmbeddedPostgres) -> None:
        server.stop()
        server.stop()
        assert not server.is_running()
