"""A real S3 server for the tests: the Ceph Object Gateway, one node, data in memory.

Needs the Debian packages `radosgw ceph-mon ceph-osd ceph-common`. Monitor, one disk daemon and the gateway run as
children of a keeper process; the keeper ends them when the tests end, also when those are killed: it waits for
the end of its standard input, which the operating system closes with the tests' process. Should the keeper itself
be killed, the daemons receive SIGKILL through the parent-death signal.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

PROGRAMS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool")
PACKAGES = "radosgw ceph-mon ceph-osd ceph-common"
ACCESS_KEY = "testaccess"
SECRET_KEY = "testsecret123"
_DEADLINE_S = 90.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: its address (host and port) and keys."""

    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY


class Keeper:
    """Starts a gateway in a process of its own and stops it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self) -> Gateway:
        """Wait until the gateway answers."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line.startswith("ready "):
            raise RuntimeError(f"the object gateway did not start: {line or 'no answer'}")
        return Gateway(line.removeprefix("ready "))

    def stop(self) -> None:
        """End gateway and keeper; their data vanish."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


def missing_programs() -> list[str]:
    """List the programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class _Cluster:
    """One monitor, one disk daemon in memory, one gateway."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._children: list[subprocess.Popen[bytes]] = []
        self._monitor, self._monitor_v1, self.port = _free_ports(3)
        self._conf = home / "ceph.conf"

    def start(self) -> None:
        for name in ("mon", "osd", "run", "log"):
            (self._home / name).mkdir()
        fsid, disk = str(uuid4()), str(uuid4())
        self._conf.write_text(self._configuration(fsid))
        self._make_keys()
        monmap, keys = str(self._home / "monmap"), str(self._home / "keys")
        addresses = f"[v2:127.0.0.1:{self._monitor},v1:127.0.0.1:{self._monitor_v1}]"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", addresses, monmap, conf=False)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keys)
        self._spawn("ceph-mon", "-f", "-i", "a")
        self._until(lambda: self._succeeds("ceph", "--connect-timeout", "2", "-s"))
        number = self._run("ceph", "osd", "new", disk).strip()
        self._run("ceph-osd", "-i", number, "--mkfs", "--osd-uuid", disk)
        self._run("ceph", "osd", "crush", "add", f"osd.{number}", "1", "root=default", "host=localhost")
        self._spawn("ceph-osd", "-f", "-i", number)
        self._until(lambda: "1 up" in self._run("ceph", "osd", "stat"))
        self._spawn("radosgw", "-f", "-n", "client.rgw")
        self._until(lambda: _answers(self.port))
        keys_given = (f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}")
        self._run("radosgw-admin", "user", "create", "--uid=test", "--display-name=test", *keys_given)

    def stop(self) -> None:
        for child in self._children:  # nothing of the data is wanted: no orderly end
            child.kill()
        for child in self._children:
            child.wait()

    def _make_keys(self) -> None:
        keys = str(self._home / "keys")
        every = ("--cap", "mon", "allow *")
        self._run("ceph-authtool", "--create-keyring", keys, "--gen-key", "-n", "mon.", *every, conf=False)
        for name in ("client.admin", "client.rgw", "osd.0"):
            disk = ("--cap", "osd", "allow *")
            self._run("ceph-authtool", keys, "--gen-key", "-n", name, *every, *disk, conf=False)

    def _configuration(self, fsid: str) -> str:
        home = self._home
        lines = {
            "fsid": fsid,
            "mon host": f"[v2:127.0.0.1:{self._monitor},v1:127.0.0.1:{self._monitor_v1}]",
            "public addr": "127.0.0.1",
            "cluster addr": "127.0.0.1",
            "ms bind ipv6": "false",
            "auth cluster required": "cephx",
            "auth service required": "cephx",
            "auth client required": "cephx",
            "keyring": f"{home}/keys",
            "run dir": f"{home}/run",
            "admin socket": f"{home}/run/$name.asok",
            "log file": f"{home}/log/$name.log",
            "mon data": f"{home}/mon",
            "mon allow pool size one": "true",
            "mon warn on pool no redundancy": "false",
            "mon max pg per osd": "1000",
            "osd data": f"{home}/osd",
            "osd objectstore": "memstore",
            "memstore device bytes": "1073741824",
            "osd pool default size": "1",
            "osd pool default min size": "1",
            "osd pool default pg num": "4",
            "osd pool default pgp num": "4",
            "osd pool default pg autoscale mode": "off",
            "osd crush chooseleaf type": "0",
            # without tcp_nodelay every small answer takes 40 ms
            "rgw frontends": f"beast endpoint=127.0.0.1:{self.port} tcp_nodelay=1",
        }
        return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items())

    def _run(self, *command: str, conf: bool = True) -> str:
        where = ("-c", str(self._conf)) if conf else ()
        done = subprocess.run(
            [command[0], *where, *command[1:]], capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command[:3])}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def _succeeds(self, *command: str) -> bool:
        try:
            self._run(*command)
        except RuntimeError:
            return False
        return True

    def _spawn(self, *command: str) -> None:
        log = (self._home / "log" / f"{command[0]}.out").open("wb")
        with log:
            self._children.append(
                subprocess.Popen(
                    [command[0], "-c", str(self._conf), *command[1:]],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=_die_with_parent,  # noqa: PLW1509 - the keeper has one thread
                )
            )

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while not condition():
            if time.monotonic() > deadline or any(child.poll() is not None for child in self._children):
                raise RuntimeError("a daemon of the object gateway ended or did not get ready")
            time.sleep(0.1)


def _die_with_parent() -> None:
    os.setsid()  # a Ctrl-C at the terminal is the keeper's business
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def keep() -> None:
    """Run a cluster until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    home = Path(tempfile.mkdtemp(prefix="zx-rgw-"))
    cluster = _Cluster(home)
    try:
        cluster.start()
        print(f"ready 127.0.0.1:{cluster.port}", flush=True)  # noqa: T201 - tells the tests
        sys.stdin.read()
    except RuntimeError as error:
        print(f"failed: {error}", flush=True)  # noqa: T201 - tells the tests
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    keep()
