"""Start everything in order, keep it running, stop it in the reverse order: what `make run` does.

Runs inside the environment. Order: the city simulator, the database, its schema, the worker and the web server, the
demo data; they stop as web, worker, simulator, database, so that nobody loses what it leans on.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from app.core.embedded import EmbeddedPostgres, EmbeddedPostgresFailed, start_embedded
from app.launcher.children import Child, Program, python_program, stop_all
from app.launcher.console import Console, LaunchError
from app.launcher.health import READY_PATH, answers_ready, worker_heartbeats
from app.launcher.ports import check_ports

FREE_GIB = 2
READY_S = 90.0
DATABASE_LOOK_S = 5.0
FAILED_STARTS = 3
LOOP_S = 0.2
TITLES = {"simulator": "实名制系统模拟器", "worker": "后台任务", "web": "网站"}
PROGRESS = "· "
"""How the loader marks lines that only tell what it is doing."""


class UpSettings(Protocol):
    """The settings a supervisor reads; `app.core.settings.Settings` has them."""

    @property
    def database_url(self) -> str | None:
        """Address of PostgreSQL; None for the embedded one."""

    @property
    def var_dir(self) -> Path:
        """Folder of all data."""

    @property
    def web_host(self) -> str:
        """Address the web server listens on."""

    @property
    def web_port(self) -> int:
        """Port of the web server."""

    @property
    def simulator_port(self) -> int:
        """Port of the city simulator."""

    @property
    def is_production(self) -> bool:
        """Tell whether this is a production installation."""


@dataclass(frozen=True)
class Plan:
    """What a supervisor loads and keeps running.

    Attributes:
        first: Kept running; started before the database, because the loader needs them.
        then: Kept running; started once the schema is there. All stop in the reverse order.
        loader: Runs once when `first` is ready; what it prints is shown when all is ready, except its progress.
    """

    first: tuple[Program, ...]
    then: tuple[Program, ...]
    loader: Program


@dataclass
class Signals:
    """What the person asked for: the first Ctrl-C stops, the second one forces."""

    stop: threading.Event = field(default_factory=threading.Event)
    force: threading.Event = field(default_factory=threading.Event)

    def receive(self, _number: int, _frame: FrameType | None) -> None:
        """Count a signal."""
        (self.force if self.stop.is_set() else self.stop).set()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Catch Ctrl-C, SIGTERM and a closed terminal while the block runs."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self.receive) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Stopped(Exception):
    """The person asked to stop while something was still starting."""


def up(
    settings: UpSettings, *, console: Console | None = None, show_logs: bool = False, plan: Plan | None = None
) -> int:
    """Start everything, stay until Ctrl-C or SIGTERM, stop everything.

    Args:
        settings: What to start and where.
        console: Where progress is shown; standard output when None.
        show_logs: Show every log line on the screen too.
        plan: What to load and keep running; the platform's own when None.

    Returns:
        Exit code: 0 after a stop that was asked for, 1 after a failure that was explained.
    """
    screen = console or Console()
    signals = Signals()
    with signals.installed():
        try:
            with ExitStack() as stack:
                whole = Supervisor(settings, console=screen, signals=signals, stack=stack, plan=plan)
                whole.run(show_logs=show_logs)
        except Stopped:
            return 0
        except LaunchError as error:
            screen.say(error.text())
            return 1
    return 0


class Supervisor:
    """The parts of the platform on this machine, as one.

    Args:
        settings: What to start and where.
        console: Where progress is shown.
        signals: What the person asks for meanwhile.
        stack: Collects what must be undone at the end, last first.
        plan: What to load and keep running; the platform's own when None.
    """

    def __init__(
        self,
        settings: UpSettings,
        *,
        console: Console,
        signals: Signals,
        stack: ExitStack,
        plan: Plan | None = None,
    ) -> None:
        self._settings = settings
        self._console = console
        self._signals = signals
        self._stack = stack
        self._var = settings.var_dir.resolve()
        self._plan = plan or platform_plan(settings)
        self._children: list[Child] = []
        self._env = child_environment(settings)
        self._server: EmbeddedPostgres | None = None

    def run(self, *, show_logs: bool) -> None:
        """Start, keep, and leave the undoing to the stack."""
        started = time.monotonic()
        if self._settings.is_production:
            raise LaunchError(
                "make run 只用于开发和演示；生产环境请用容器分别启动 web 和 worker（见 compose.yaml）。",
                "make run is for development and demonstrations; in production start web and worker as containers.",
            )
        self._stack.enter_context(only_one(self._var))
        check_ports({"ZX_WEB_PORT": self._settings.web_port}, host=self._settings.web_host)
        check_ports({"ZX_SIMULATOR_PORT": self._settings.simulator_port})
        check_free_space(self._var)
        self._stack.callback(self._stop_children)  # when the database does not even start
        self._start(self._plan.first, show_logs=show_logs)
        url = self._database()
        self._stack.callback(self._stop_children)
        before = worker_heartbeats(url)
        self._start(self._plan.then, show_logs=show_logs)
        accounts = self._load(url, before)
        self._wait_ready(self._children, url, before)
        self._greet(accounts, time.monotonic() - started)
        self._keep()

    def _start(self, programs: Sequence[Program], *, show_logs: bool) -> None:
        for program in programs:
            echo = self._console.echo(program.name) if show_logs else None
            child = Child(program, folder=self._var / "log", env=self._env, echo=echo)
            child.start()
            self._children.append(child)

    def _database(self) -> str:
        from app.core.migrate import SchemaIsNewer, upgrade  # noqa: PLC0415 - heavy

        url = self._settings.database_url
        if url is None:
            with self._console.step("启动内置数据库"):
                try:
                    server = start_embedded(self._var / "postgres")
                except EmbeddedPostgresFailed as error:
                    raise LaunchError(
                        f"内置数据库没有启动成功，日志在 {self._var / 'postgres' / 'server.log'}。",
                        "The embedded database did not start.",
                        tail=f"{error}\n{_last_lines(self._var / 'postgres' / 'server.log')}",
                    ) from error
            self._stack.callback(self._stop_database, server)
            self._server = server
            url = server.url
        self._env["DATABASE_URL"] = url
        self._check_stop()
        with self._console.step("更新数据库结构"):
            try:
                upgrade(url)
            except SchemaIsNewer as error:
                raise LaunchError(
                    f"数据库的结构（{error}）比这个版本的程序新：请更新程序，或用 make demo-reset 清空演示数据。",
                    f"The database schema ({error}) is newer than this program: update the program, "
                    "or discard the demo data with make demo-reset.",
                ) from error
        return url

    def _load(self, url: str, before: int) -> str:
        """Load the demo data once the city answers; return what the loader says about the accounts."""
        self._wait_ready([child for child in self._children if child.program in self._plan.first], url, before)
        loader = Child(self._plan.loader, folder=self._var / "log", env=self._env)
        with self._console.step("载入演示数据") as step:
            loader.start()
            while loader.exit_code() is None:
                if self._signals.stop.wait(LOOP_S / 4):
                    stop_all([loader], forced=self._signals.force)
                    raise Stopped
                self._revive()
                step.note(loader.tail[-1] if loader.tail else "")
            loader.close()
            if loader.exit_code() != 0:
                raise LaunchError(
                    f"演示数据没有载入，完整输出在 {self._var / 'log' / 'demo-load.log'}。",
                    "The demo data could not be loaded.",
                    tail="\n".join(loader.tail),
                )
        return "\n".join(line for line in loader.tail if not line.startswith(PROGRESS))

    def _wait_ready(self, children: Sequence[Child], url: str, before: int) -> None:
        waiting = list(children)
        names = "、".join(TITLES.get(child.program.name, child.program.name) for child in waiting)
        with self._console.step(f"等待{names}就绪") as step:
            deadline = time.monotonic() + READY_S
            while waiting := [child for child in waiting if not _is_ready(child, url, before)]:
                self._check_stop()
                self._revive()
                step.note("、".join(child.program.name for child in waiting))
                failed = next((child for child in waiting if child.starts > FAILED_STARTS), None)
                if failed is not None or time.monotonic() > deadline:
                    raise self._not_ready(failed or waiting[0])
                self._signals.stop.wait(LOOP_S / 4)

    def _not_ready(self, child: Child) -> LaunchError:
        return LaunchError(
            f"{child.program.name} 没有启动成功，完整输出在 {self._var / 'log' / (child.program.name + '.log')}。",
            f"{child.program.name} did not become ready.",
            tail="\n".join(child.tail),
        )

    def _keep(self) -> None:
        look_at = 0.0
        while not self._signals.stop.wait(LOOP_S):
            self._revive()
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + DATABASE_LOOK_S
                self._revive_database()

    def _revive_database(self) -> None:
        server = self._server
        if server is not None and not server.is_running():
            self._console.say("! 内置数据库意外退出，正在重新启动；已提交的数据不受影响")
            server.restart()

    def _revive(self) -> None:
        """Start again who died and whose time has come."""
        for child in self._children:
            code = child.exit_code()
            if code is None:
                continue
            if not child.due_at:
                delay = child.schedule_restart()
                child.kill()
                name = child.program.name
                self._console.say(f"! {name} 意外退出（退出码 {code}），{delay:.0f} 秒后重启；日志 var/log/{name}.log")
            elif time.monotonic() >= child.due_at:
                child.due_at = 0.0
                child.start()

    def _greet(self, accounts: str, seconds: float) -> None:
        port = self._settings.web_port
        self._console.say(f"\n证学已就绪（{seconds:.1f} 秒）")
        self._console.say(f"  网站              http://localhost:{port}")
        self._console.say(f"  实名制系统模拟器  http://localhost:{self._settings.simulator_port}")
        self._console.say(f"  日志              {self._var / 'log'}")
        if accounts:
            self._console.say(accounts)
        self._console.say("\n按 Ctrl-C 停止；数据会保留，下次启动继续使用。")

    def _check_stop(self) -> None:
        if self._signals.stop.is_set():
            raise Stopped

    def _stop_children(self) -> None:
        children, self._children = self._children, []
        if children:
            with self._console.step("停止网站、后台任务和模拟器") as step:
                killed = stop_all(list(reversed(children)), forced=self._signals.force)
                step.outcome = f"强制结束 {'、'.join(killed)}" if killed else ""

    def _stop_database(self, server: EmbeddedPostgres) -> None:
        with self._console.step("停止内置数据库，数据已保留"):
            server.stop()


def platform_plan(settings: UpSettings) -> Plan:
    """The demo loader and the three processes of the platform."""
    here = "http://127.0.0.1"
    return Plan(
        first=(python_program("simulator", "simulator", url=f"{here}:{settings.simulator_port}{READY_PATH}"),),
        then=(
            python_program("worker", "worker"),
            python_program("web", "web", url=f"{here}:{settings.web_port}{READY_PATH}"),
        ),
        loader=python_program("demo-load", "demo-load"),
    )


def child_environment(settings: UpSettings) -> dict[str, str]:
    """The environment of the children: addresses that follow from the ports, output without delay."""
    env = dict(os.environ)
    env.setdefault("ZX_PUBLIC_URL", f"http://localhost:{settings.web_port}")
    env.setdefault("ZX_CITY_URL", f"http://127.0.0.1:{settings.simulator_port}")
    return {**env, "ZX_VAR_DIR": str(settings.var_dir.resolve()), "PYTHONUNBUFFERED": "1"}


def _last_lines(path: Path) -> str:
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    except OSError:
        return ""


def _is_ready(child: Child, url: str, before: int) -> bool:
    if child.exit_code() is not None:
        return False
    if child.program.url is not None:
        return answers_ready(child.program.url)
    return worker_heartbeats(url, after_id=before) > before


@contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Hold the lock of a running platform.

    Raises:
        LaunchError: It runs already in this folder.
    """
    path = var / "run" / "up.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            handle.seek(0)
            raise LaunchError(
                f"已经在运行（进程 {handle.read().strip()}）：请先在那个终端按 Ctrl-C 停止它。",
                "It is running already in this folder: stop it with Ctrl-C in its terminal first.",
            ) from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def check_free_space(folder: Path) -> None:
    """Refuse when the disk is nearly full.

    Raises:
        LaunchError: Less than two gibibytes are free.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 2**30
    if free < FREE_GIB:
        raise LaunchError(
            f"磁盘空间不足：{folder} 所在磁盘只剩 {free:.1f} GB，至少需要 {FREE_GIB} GB。请清出空间后重试。",
            f"Too little disk space: {free:.1f} GB free at {folder}, at least {FREE_GIB} GB needed.",
        )
