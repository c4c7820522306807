"""Resolve the lock files anew from `pyproject.toml` (`make lock`): exact versions, hashes, no index address."""

from __future__ import annotations

from pathlib import Path

from app.launcher.commands import must_run
from app.launcher.console import Console
from app.launcher.environment import BOOTSTRAP, DEV, RUNTIME, ensure_uv, uv_settings
from app.launcher.layout import Layout

PYTHON = "3.11"
_OPTIONS = ("--universal", "--python-version", PYTHON, "--generate-hashes", "--no-emit-index-url", "--no-annotate")


def compile_locks(layout: Layout, console: Console, *, upgrade: bool) -> None:
    """Write the three lock files; versions already locked stay unless `upgrade`.

    Raises:
        LaunchError: No set of versions satisfies `pyproject.toml`, or the registry is out of reach.
    """
    uv = ensure_uv(layout, console)
    tool = layout.var / "stamps" / "bootstrap.in"
    tool.write_text("uv\n", encoding="utf-8")
    runs: tuple[tuple[str, list[str | Path]], ...] = (
        (RUNTIME, ["pyproject.toml", "--group", "build"]),
        (DEV, ["pyproject.toml", "--group", "build", "--group", "dev", "-c", RUNTIME]),
        (BOOTSTRAP, [tool]),
    )
    for name, sources in runs:
        with console.step(f"重新锁定 {name}") as step:
            extra = ["--upgrade"] if upgrade else []
            argv = [uv, "pip", "compile", *sources, *_OPTIONS, "--no-header", *extra, "-q", "-o", name]
            must_run(argv, log=layout.log, step=step, cwd=layout.root, env=uv_settings(layout))
