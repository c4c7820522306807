"""Where everything stands inside the working copy."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.launcher.console import Console, LaunchError


@dataclass(frozen=True)
class Layout:
    """Paths of one working copy.

    Attributes:
        root: The folder with `pyproject.toml`.
    """

    root: Path

    @classmethod
    def here(cls) -> Layout:
        """Locate the working copy this file belongs to."""
        return cls(root=Path(__file__).resolve().parents[2])

    @property
    def venv(self) -> Path:
        """The environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.venv / "bin" / "python"

    @property
    def var(self) -> Path:
        """Everything made at run time: data, logs, tools, stamps."""
        return Path(os.environ.get("ZX_VAR_DIR") or self.root / "var").resolve()

    @property
    def web(self) -> Path:
        """The front-end project."""
        return self.root / "app" / "web"

    @property
    def log(self) -> Path:
        """The full output of the preparation steps."""
        return self.var / "log" / "prepare.log"

    def make_folders(self) -> None:
        """Make the folders of `var`, or say why that is impossible."""
        try:
            for name in ("log", "run", "stamps", "tools"):
                (self.var / name).mkdir(parents=True, exist_ok=True)
            (self.var / "run").chmod(0o700)
            with self.log.open("a", encoding="utf-8"):
                pass
        except PermissionError as error:
            raise LaunchError(
                f"没有写入 {error.filename} 的权限：这个目录属于另一个用户，请换回该用户，或在自己的目录里重新克隆。",
                f"No permission to write {error.filename}: it belongs to another user. "
                "Run as that user, or clone into a folder of your own.",
            ) from error

    @contextmanager
    def exclusive(self, console: Console) -> Iterator[None]:
        """Let only one preparation run at a time; a second one waits and says so."""
        with (self.var / "run" / "prepare.lock").open("w", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with console.step("等待另一个正在准备环境的命令"):
                    fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def digest_of(*paths: Path) -> str:
    """SHA-256 over the contents of files, hexadecimal."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def tree_digest(folder: Path, *, skip: frozenset[str]) -> str:
    """SHA-256 over names and contents of a folder, hexadecimal.

    Args:
        folder: The folder.
        skip: Names of files and folders left out wherever they occur.
    """
    total = hashlib.sha256()
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in skip)
        for name in sorted(files):
            if name in skip:
                continue
            path = Path(where, name)
            total.update(f"{path.relative_to(folder)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def read_stamp(path: Path) -> dict[str, Any]:
    """Read what a finished step recorded; empty when it never finished."""
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(path: Path, stamp: dict[str, Any]) -> None:
    """Record that a step finished; complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(stamp, sort_keys=True), encoding="utf-8")
    draft.replace(path)
