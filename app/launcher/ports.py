"""Ports: whether one is free, and who holds it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.launcher.console import LaunchError

LISTENING = "0A"


def check_ports(ports: Mapping[str, int], *, host: str = "127.0.0.1") -> None:
    """Refuse when a port is taken.

    Args:
        ports: Name of the setting, mapped to its port.
        host: Address that will be listened on.

    Raises:
        LaunchError: Somebody listens on one of them, or this user may not.
    """
    for setting, port in ports.items():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except PermissionError as error:
                raise LaunchError(
                    f"端口 {port} 需要管理员权限：请换一个 1024 以上的端口：{setting}=8001 make run。",
                    f"Port {port} needs root: choose one above 1024 with {setting}.",
                ) from error
            except OSError as error:
                who = holder(port)
                raise LaunchError(
                    f"端口 {port} 已被占用{who}：请停止占用它的程序，或换一个端口：{setting}={port + 1} make run。",
                    f"Port {port} is in use{who}: stop that program, or choose another port with {setting}.",
                ) from error


def holder(port: int) -> str:
    """Who listens on a port, as far as this user may see: ` (name, process id)`, else empty."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            links = {str(entry.readlink()) for entry in (folder / "fd").iterdir()}
            if links & inodes:
                return f" ({(folder / 'comm').read_text().strip()}, {folder.name})"
        except OSError:  # ended meanwhile, or another user's
            continue
    return ""


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                yield fields[9]
