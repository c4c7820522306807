"""The supervisor, for real: its own PostgreSQL, real processes, real signals."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.embedded import start_embedded

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
READY = "证学已就绪"
PATIENCE_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Run:
    """A supervisor in a process of its own, with what it printed so far."""

    def __init__(self, var: Path, *, mode: str = "plain", web: int | None = None) -> None:
        self.web = web or free_port()
        self.simulator = free_port()
        self.var = var
        argv = [sys.executable, str(HERE / "fake_platform.py"), str(var), str(self.web), str(self.simulator), mode]
        self.process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line)

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def wait_for(self, wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in self.text:
            if time.monotonic() > deadline or (self.process.poll() is not None and not self._reader.is_alive()):
                pytest.fail(f"{wanted!r} was never printed:\n{self.text}")
            time.sleep(0.05)

    def wait(self) -> int:
        code = self.process.wait(timeout=PATIENCE_S)
        self._reader.join(timeout=5)
        return code

    def pid_of(self, name: str) -> int:
        """Process id that the latest start of a program wrote to its log."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            log = self.var / "log" / f"{name}.log"
            found = re.findall(r"serving (\d+)", log.read_text() if log.exists() else "")
            if found:
                return int(found[-1])
            time.sleep(0.05)
        pytest.fail(f"{name} never started")

    def end(self) -> None:
        """Stop it whatever happened, the database included."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGTERM)
            self.wait()
        if (self.process.stdout) is not None:
            self._reader.join(timeout=5)
            self.process.stdout.close()
        if (self.var / "postgres" / "postmaster.pid").exists():
            start_embedded(self.var / "postgres").stop()


def is_alive(pid: int) -> bool:
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def postmaster(var: Path) -> int:
    return int((var / "postgres" / "postmaster.pid").read_text().split()[0])


@pytest.fixture(scope="module")
def migrated() -> Iterator[Path]:
    """The folder of a migrated database that is not running, to copy from."""
    from app.core.migrate import upgrade

    made = Path(tempfile.mkdtemp(prefix="zx-up-"))
    server = start_embedded(made / "postgres")
    upgrade(server.url)
    server.stop()
    yield made / "postgres"
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def var(migrated: Path) -> Iterator[Path]:
    """A folder whose parents stay open: every new pytest session closes the one above `tmp_path`."""
    made = Path(tempfile.mkdtemp(prefix="zx-up-"))
    (made / "var").mkdir()
    subprocess.run(["cp", "-a", str(migrated), str(made / "var" / "postgres")], check=True)
    yield made / "var"
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def platform(var: Path) -> Iterator[Run]:
    run = Run(var)
    run.wait_for(READY)
    yield run
    run.end()


class TestUp:
    def test_makes_its_database_in_an_empty_folder(self, var: Path) -> None:
        shutil.rmtree(var)
        run = Run(var)
        run.wait_for(READY)
        run.process.send_signal(signal.SIGTERM)
        assert run.wait() == 0
        run.end()

    def test_prints_addresses_and_what_the_loader_said(self, platform: Run) -> None:
        assert f"http://localhost:{platform.web}" in platform.text
        assert f"http://localhost:{platform.simulator}" in platform.text
        assert "visits: 1" in platform.text
        assert "looking" not in platform.text

    def test_ctrl_c_stops_everything_in_order_and_leaves_nobody_behind(self, platform: Run) -> None:
        pids = [platform.pid_of("web"), platform.pid_of("simulator"), postmaster(platform.var)]
        platform.process.send_signal(signal.SIGINT)
        assert platform.wait() == 0
        assert platform.text.index("停止网站") < platform.text.index("停止内置数据库")
        assert not [pid for pid in pids if is_alive(pid)]

    def test_ctrl_c_of_a_terminal_reaches_the_supervisor_alone(self, platform: Run) -> None:
        os.killpg(platform.process.pid, signal.SIGINT)  # what a terminal does
        assert platform.wait() == 0
        assert "强制结束" not in platform.text
        assert "意外退出" not in platform.text

    def test_the_next_start_continues_with_the_same_data(self, var: Path) -> None:
        for visit in (1, 2):
            run = Run(var)
            run.wait_for(READY)
            run.process.send_signal(signal.SIGTERM)
            assert run.wait() == 0
            run.end()
            assert f"visits: {visit}" in run.text

    def test_a_second_one_in_the_same_folder_says_that_it_is_running(self, platform: Run) -> None:
        second = Run(platform.var)
        assert second.wait() == 1
        assert f"已经在运行（进程 {platform.process.pid}）" in second.text
        second._reader.join()
        second.process.stdout.close()
        assert platform.process.poll() is None

    def test_a_program_that_dies_is_restarted_and_said_so(self, platform: Run) -> None:
        before = platform.pid_of("web")
        os.kill(before, signal.SIGKILL)
        platform.wait_for("web 意外退出（退出码 -9），1 秒后重启")
        wait_until(lambda: platform.pid_of("web") != before, "web was not started again")

    def test_a_database_that_dies_is_restarted_with_its_data(self, platform: Run) -> None:
        before = postmaster(platform.var)
        os.kill(before, signal.SIGKILL)
        platform.wait_for("内置数据库意外退出")
        server = start_embedded(platform.var / "postgres")
        wait_until(server.is_running, "the database was not started again")
        platform.process.send_signal(signal.SIGINT)
        assert platform.wait() == 0

    def test_killing_the_supervisor_takes_its_programs_along(self, platform: Run) -> None:
        pids = [platform.pid_of("web"), platform.pid_of("simulator")]
        platform.process.kill()
        platform.wait()
        wait_until(lambda: not any(map(is_alive, pids)), "programs outlived their supervisor")

    def test_after_being_killed_the_next_start_joins_the_database(self, platform: Run) -> None:
        platform.process.kill()
        platform.wait()
        again = Run(platform.var)
        again.wait_for(READY)
        assert "visits: 2" in again.text
        again.process.send_signal(signal.SIGINT)
        assert again.wait() == 0
        again.end()
        assert not (platform.var / "postgres" / "postmaster.pid").exists()

    def test_a_second_ctrl_c_does_not_wait_for_a_stubborn_program(self, var: Path) -> None:
        run = Run(var, mode="stubborn")
        run.wait_for(READY)
        stubborn = run.pid_of("web")
        started = time.monotonic()
        run.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        run.process.send_signal(signal.SIGINT)
        assert run.wait() == 0
        assert time.monotonic() - started < 3.0
        assert "强制结束 web" in run.text
        assert not is_alive(stubborn)
        run.end()

    def test_a_stubborn_program_is_killed_after_its_grace(self, var: Path) -> None:
        run = Run(var, mode="stubborn")
        run.wait_for(READY)
        run.process.send_signal(signal.SIGINT)
        assert run.wait() == 0
        assert "强制结束 web" in run.text
        run.end()

    def test_a_program_that_cannot_start_ends_it_with_its_last_words(self, var: Path) -> None:
        run = Run(var, mode="broken")
        assert run.wait() == 1
        run.end()
        assert "web 没有启动成功" in run.text
        assert "cannot open the door" in run.text
        assert not (var / "postgres" / "postmaster.pid").exists()

    def test_a_port_in_use_is_named_with_its_holder(self, var: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            run = Run(var, web=port)
            assert run.wait() == 1
            run.end()
        assert f"端口 {port} 已被占用 (" in run.text
        assert f", {os.getpid()})" in run.text
        assert f"ZX_WEB_PORT={port + 1}" in run.text
        assert "启动内置数据库" not in run.text

    def test_a_database_of_a_newer_schema_is_refused(self, var: Path) -> None:
        import psycopg

        server = start_embedded(var / "postgres")

        with psycopg.connect(server.url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999_future'")
        server.stop()
        run = Run(var)
        assert run.wait() == 1
        run.end()
        assert "数据库的结构（9999_future）比这个版本的程序新" in run.text
