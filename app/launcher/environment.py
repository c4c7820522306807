"""Build the Python environment from the lock files: exact versions, checked hashes, nothing compiled.

uv installs, because it takes seconds where pip takes minutes; uv itself comes through pip, with its hash. Where
uv cannot reach a registry that pip can (a mirror set in pip's own files), pip installs the same lock instead.

Two sets share one environment: `requirements.lock` to run, `requirements-dev.lock` (a superset) to test. A stamp
tells which was installed from which lock; running never takes the test tools away again.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.launcher.commands import answers, explain, must_run, run_logged, tool_environment
from app.launcher.console import Console, LaunchError, Step
from app.launcher.layout import Layout, digest_of, read_stamp, write_stamp

RUNTIME = "requirements.lock"
DEV = "requirements-dev.lock"
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BOOTSTRAP = "requirements-bootstrap.lock"


def ensure_environment(layout: Layout, console: Console, *, dev: bool) -> None:
    """Build or bring up to date the environment, if anything about it changed.

    Args:
        layout: The working copy.
        console: Where progress is shown.
        dev: True when the test tools are needed too.

    Raises:
        LaunchError: It could not be built; the sentence says why.
    """
    stamp_path = layout.venv / "zhengxue.json"
    stamp = read_stamp(stamp_path)
    wanted = {name: digest_of(layout.root / name) for name in (RUNTIME, DEV)}
    if not _interpreter_matches(layout, stamp):
        stamp = {}
    lock = DEV if dev or stamp.get(DEV) else RUNTIME
    if stamp.get(lock) == wanted[lock] and stamp.get(RUNTIME) == wanted[RUNTIME]:
        return
    stamp_path.unlink(missing_ok=True)
    uv = ensure_uv(layout, console)
    if not stamp:
        _create(layout, console, uv)
    with console.step("安装 Python 依赖") as step:
        _install(layout, step, uv, lock)
        step.outcome = lock
    installed = {RUNTIME: wanted[RUNTIME], **({DEV: wanted[DEV]} if lock == DEV else {})}
    write_stamp(stamp_path, {**_identity(layout), **installed})


def _identity(layout: Layout) -> dict[str, str]:
    base = Path(sys.executable).resolve()
    return {"python": sys.version, "base": str(base), "place": str(layout.venv)}


def _interpreter_matches(layout: Layout, stamp: Mapping[str, Any]) -> bool:
    same = all(stamp.get(key) == value for key, value in _identity(layout).items())
    return same and layout.python.exists()


def _create(layout: Layout, console: Console, uv: Path) -> None:
    with console.step("创建 Python 环境") as step:
        step.outcome = f"Python {sys.version.split()[0]}"
        argv: list[str | Path] = [uv, "venv", "--clear", "--no-project", "--python", sys.executable, layout.venv]
        must_run(argv, log=layout.log, step=step, cwd=layout.root, env=uv_settings(layout))


def _install(layout: Layout, step: Step, uv: Path, lock: str) -> None:
    # face_recognition_models is published as source only; its set-up script needs setuptools to be there already.
    first = layout.var / "stamps" / "setuptools.lock"
    first.write_text(requirement_block(layout.root / lock, "setuptools"), encoding="utf-8")
    target = ("--python", layout.python)
    common = ("--require-hashes", "--no-build-isolation", *target)
    env = uv_settings(layout)
    runs: tuple[tuple[str | Path, ...], ...] = (
        (uv, "pip", "install", *common, "-r", first),
        (uv, "pip", "sync", *common, layout.root / lock),
    )
    for argv in runs:
        outcome = run_logged(argv, log=layout.log, step=step, cwd=layout.root, env=env)
        if outcome.code != 0:
            error = explain(outcome, title=step.title, log=layout.log)
            if error.cause in {"disk", "compiler", "hash"}:
                raise error  # pip would suffer from it too
            _install_with_pip(layout, step, [first, layout.root / lock], cause=error)
            return


def _install_with_pip(layout: Layout, step: Step, requirements: Sequence[Path], *, cause: LaunchError) -> None:
    pip = pip_command(layout)
    if pip is None:
        raise cause
    step.note("uv 连接不到仓库，改用 pip 安装，时间会长一些")
    common = ["install", "--no-deps", "--require-hashes", "--no-build-isolation", "-r"]
    for file in requirements:
        argv: list[str | Path] = [*pip, "--python", layout.python, *common, file]
        must_run(argv, log=layout.log, step=step, cwd=layout.root)


def requirement_block(lock: Path, name: str) -> str:
    """Cut one requirement with its hashes out of a lock file.

    Raises:
        LookupError: The lock has no such requirement.
    """
    found = re.search(rf"^{re.escape(name)}==(?:[^\n]*\\\n)*[^\n]*\n", lock.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise LookupError(f"{name} is not in {lock}")
    return found.group(0)


def uv_settings(layout: Layout) -> dict[str, str]:
    """Settings that let uv work on any machine: a cache it may write, certificates, pip's own index.

    The index is the one that pip is configured with; when there is none, uv uses its default.
    """
    settings = {"UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    if not _may_write_cache():
        settings["UV_CACHE_DIR"] = str(layout.var / "cache" / "uv")
    configured = pip_settings(layout)
    if not any(os.environ.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")) and "index-url" in configured:
        settings["UV_DEFAULT_INDEX"] = configured["index-url"]
    if not os.environ.get("SSL_CERT_FILE"):
        certificate = configured.get("cert")
        if certificate and Path(certificate).is_file():
            settings["SSL_CERT_FILE"] = certificate
        elif SYSTEM_CERTIFICATES.is_file():
            settings["UV_SYSTEM_CERTS"] = "1"
    return settings


def _may_write_cache() -> bool:
    cache = Path(os.environ.get("UV_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    while not cache.exists():
        cache = cache.parent
    return os.access(cache, os.W_OK)


def pip_settings(layout: Layout) -> dict[str, str]:
    """What pip is configured with on this machine: files and environment, the stronger one last."""
    pip = pip_command(layout)
    listed = answers([*pip, "config", "list"]) if pip else None
    found: dict[str, str] = {}
    for scope in ("global", "install", ":env:"):
        for line in (listed or "").splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{scope}."):
                found[name.removeprefix(f"{scope}.")] = value.strip("'")
    return found


def pip_command(layout: Layout) -> list[str | Path] | None:
    """The pip at hand: this Python's own, or the one of the bootstrap environment; None when there is neither."""
    if answers([sys.executable, "-m", "pip", "--version"]) is not None:
        return [sys.executable, "-m", "pip"]
    inside = layout.var / "tools" / "bootstrap" / "bin" / "python"
    return [inside, "-m", "pip"] if inside.exists() else None


def ensure_uv(layout: Layout, console: Console) -> Path:
    """Install the locked uv under `var/tools`, unless it is there already."""
    home = layout.var / "tools" / "uv"
    uv = home / "bin" / "uv"
    wanted = {"lock": digest_of(layout.root / BOOTSTRAP)}
    stamp = home / "zhengxue.json"
    if read_stamp(stamp) == wanted and answers([uv, "--version"]) is not None:
        return uv
    with console.step("取得安装工具 uv") as step:
        shutil.rmtree(home, ignore_errors=True)
        pip = pip_command(layout) or _bootstrap_pip(layout, step)
        options = ["install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        argv: list[str | Path] = [*pip, *options, "--target", home, "-r", layout.root / BOOTSTRAP]
        must_run(argv, log=layout.log, step=step, cwd=layout.root)
    write_stamp(stamp, wanted)
    return uv


def _bootstrap_pip(layout: Layout, step: Step) -> list[str | Path]:
    """Make a small environment that has pip, for Pythons without one; Debian splits that into a package."""
    home = layout.var / "tools" / "bootstrap"
    make: list[str | Path] = [sys.executable, "-m", "venv", "--clear", home]
    outcome = run_logged(make, log=layout.log, step=step, cwd=layout.root)
    if outcome.code != 0 and os.geteuid() == 0 and shutil.which("apt-get"):
        step.note("apt-get install python3-venv")
        install = "apt-get update -q && apt-get install -y -q --no-install-recommends python3-venv"
        run_logged(["sh", "-c", install], log=layout.log, step=step, cwd=layout.root, env=tool_environment())
        outcome = run_logged(make, log=layout.log, step=step, cwd=layout.root)
    if outcome.code != 0:
        shutil.rmtree(home, ignore_errors=True)
        raise LaunchError(
            "这个 Python 没有 venv 和 pip：请先由管理员运行 apt-get install -y python3-venv，再运行同一条命令。",
            "This Python lacks venv and pip: ask an administrator to run apt-get install -y python3-venv.",
        )
    return [home / "bin" / "python", "-m", "pip"]
