"""The commands behind the Makefile: `python3 -m app.launcher run|test|demo|demo-reset|bench|prepare|lock`."""

from __future__ import annotations

import os
import sys

if not (3, 11) <= sys.version_info < (3, 14):  # whatever Python the machine calls python3 starts this
    for name in ("python3.13", "python3.12", "python3.11"):
        if os.system(name + " -c 'import sys' >/dev/null 2>&1") == 0:  # noqa: S605 - fixed words
            os.execvp(name, [name, "-m", "app.launcher", *sys.argv[1:]])  # noqa: S606 - no shell
    sys.exit("✗ 需要 Python 3.11 到 3.13：请先安装，或用 make PYTHON=路径 run 指定。 Python 3.11 to 3.13 is needed.")

import argparse
from collections.abc import Callable, Sequence

from app.launcher import debian, locks, reset, stages
from app.launcher.console import Console, LaunchError
from app.launcher.environment import ensure_environment
from app.launcher.frontend import ensure_built
from app.launcher.layout import Layout
from app.launcher.prepare import prepare, system_packages

INTERRUPTED = 130


def command_prepare(layout: Layout, console: Console, arguments: Sequence[str]) -> int:
    """Build everything without starting anything; with `--dev` also the test tools."""
    prepare(layout, console, dev="--dev" in arguments)
    return 0


def command_environment(layout: Layout, console: Console, arguments: Sequence[str]) -> int:
    """Build the Python environment alone: the slow layer of the image."""
    del arguments
    with layout.exclusive(console):
        ensure_environment(layout, console, dev=False)
    return 0


def command_pages(layout: Layout, console: Console, arguments: Sequence[str]) -> int:
    """Build the front end alone."""
    del arguments
    with layout.exclusive(console):
        ensure_built(layout, console)
    return 0


def command_run(layout: Layout, console: Console, arguments: Sequence[str]) -> int:
    """Build what is missing, then become the supervisor."""
    prepare(layout, console, dev=False)
    return become(layout, "app.cli", "up", *arguments)


def command_test(layout: Layout, console: Console, arguments: Sequence[str]) -> int:
    """Build what the tests need, then run every check."""
    system_packages(layout, console, with_s3=True)
    prepare(layout, console, dev=True, pages=False)
    return stages.run_stages(stages.all_stages(layout, arguments), layout=layout, console=console)


def command_demo(layout: Layout, console: Console, arguments: Sequence[str]) -> int:
    """Build what the demonstration needs, then play it."""
    lacking = system_packages(layout, console, with_s3=False)
    if debian.BROWSER in lacking:
        return 1
    prepare(layout, console, dev=True)
    return become(layout, "app.cli", "demo", *arguments)


def command_reset(layout: Layout, console: Console, arguments: Sequence[str]) -> int:
    """Discard the demo data; the next start begins afresh."""
    del arguments
    reset.discard_data(layout, console)
    return 0


def command_bench(layout: Layout, console: Console, arguments: Sequence[str]) -> int:
    """Build the environment, then run the benchmarks."""
    prepare(layout, console, dev=True)
    return become(layout, "bench", *arguments)


def command_lock(layout: Layout, console: Console, arguments: Sequence[str]) -> int:
    """Resolve the lock files anew; with `--upgrade` to the newest versions."""
    locks.compile_locks(layout, console, upgrade="--upgrade" in arguments)
    return 0


COMMANDS: dict[str, Callable[[Layout, Console, Sequence[str]], int]] = {
    "environment": command_environment,
    "pages": command_pages,
    "prepare": command_prepare,
    "run": command_run,
    "test": command_test,
    "demo": command_demo,
    "demo-reset": command_reset,
    "bench": command_bench,
    "lock": command_lock,
}


def become(layout: Layout, module: str, *arguments: str) -> int:
    """Replace this process by a module of the environment, so that signals reach it directly."""
    sys.stdout.flush()
    os.chdir(layout.root)
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
    environment = {**kept, "ZX_VAR_DIR": str(layout.var), "ORT_DISABLE_TELEMETRY": "1"}
    argv = [str(layout.python), "-m", module, *arguments]
    os.execve(argv[0], argv, environment)  # noqa: S606 - no shell, our own interpreter


def main(argv: Sequence[str]) -> int:
    """Run one command; a failure that has a sentence prints it and exits with 1."""
    parser = argparse.ArgumentParser(prog="python3 -m app.launcher", description=__doc__)
    parser.add_argument("command", choices=sorted(COMMANDS))
    known, rest = parser.parse_known_args(argv)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
    console = Console()
    try:
        layout = Layout.here()
        layout.make_folders()
        return COMMANDS[known.command](layout, console, rest)
    except LaunchError as error:
        console.say(error.text())
        return 1
    except KeyboardInterrupt:
        console.say("\n已中断；再次运行同一条命令会从中断处继续。")
        return INTERRUPTED
    except OSError as error:
        console.say(disk_or_raise(error).text())
        return 1


def disk_or_raise(error: OSError) -> LaunchError:
    """Turn a full disk or a missing permission into its sentence; anything else is raised again."""
    if isinstance(error, PermissionError):
        return LaunchError(
            f"没有权限访问 {error.filename}：它可能属于另一个用户，请换回该用户，或在自己的目录里重新克隆。",
            f"No permission for {error.filename}: it may belong to another user.",
        )
    if error.errno in {28, 122}:
        return LaunchError(
            "磁盘已满：请清出至少 3 GB 空间后再运行同一条命令。",
            "The disk is full: free at least 3 GB, then run the same command again.",
        )
    raise error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
