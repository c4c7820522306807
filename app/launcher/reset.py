"""Discard the demo data (`make demo-reset`)."""

from __future__ import annotations

import fcntl
import os
import shutil

from app.launcher.console import Console, LaunchError
from app.launcher.layout import Layout

KEPT = frozenset({"cache", "log", "models", "run", "stamps", "test-photos", "tools"})
"""What is built rather than recorded; everything else under `var` is data."""


def discard_data(layout: Layout, console: Console) -> None:
    """Remove the embedded database and the stored files, never anything outside `var`.

    Raises:
        LaunchError: The platform is running, or its data lie in a database of its own.
    """
    if os.environ.get("DATABASE_URL"):
        raise LaunchError(
            "已设置 DATABASE_URL：demo-reset 只清空内置数据库，不会改动外部数据库。",
            "DATABASE_URL is set: demo-reset only discards the embedded database.",
        )
    with (layout.var / "run" / "up.lock").open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LaunchError(
                "平台正在运行：请先按 Ctrl-C 停止，再运行 make demo-reset。",
                "The platform is running: stop it with Ctrl-C first, then run make demo-reset.",
            ) from error
        _stop_leftover_database(layout)
        with console.step("清空演示数据"):
            for entry in layout.var.iterdir():
                if entry.name not in KEPT:
                    shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    console.say("下次 make run 会从全新的演示数据开始。")


def _stop_leftover_database(layout: Layout) -> None:
    """Stop a server that outlived its supervisor (`kill -9`), before its files go."""
    from app.launcher.commands import answers  # noqa: PLC0415 - rarely needed

    folder = layout.var / "postgres"
    if not (folder / "postmaster.pid").exists() or not layout.python.exists():
        return
    code = "import sys, pathlib, app.core.embedded as e; e.start_embedded(pathlib.Path(sys.argv[1])).stop()"
    answers([layout.python, "-W", "ignore", "-c", code, folder])
