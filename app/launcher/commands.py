"""Run other programs: output to the log, progress to the screen, failures explained."""

from __future__ import annotations

import collections
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.launcher.console import LaunchError, Step

TAIL_LINES = 30
FULL_DISK_MIB = 64

_KNOWN = (
    (
        "disk",
        re.compile(r"No space left on device|ENOSPC|os error 28", re.IGNORECASE),
        "磁盘已满：请清出至少 3 GB 空间后再运行同一条命令。",
        "The disk is full: free at least 3 GB, then run the same command again.",
    ),
    (
        "compiler",
        re.compile(
            r"command '?(gcc|cc|c\+\+|g\+\+|x86_64-linux-gnu-gcc)'? failed"
            r"|No such file or directory: '?(gcc|cc|c\+\+|cmake)"
            r"|unable to execute '|CMake must be installed|compiler not found|gyp ERR! stack Error: not found: make",
            re.IGNORECASE,
        ),
        "缺少 C 编译器：这台机器没有现成的安装包可用。请先安装：apt-get install -y build-essential cmake。",
        "A C compiler is missing and this machine has no ready-made package: apt-get install -y build-essential cmake.",
    ),
    (
        "network",
        re.compile(
            r"dns error|Temporary failure in name resolution|Could not connect|Connection refused"
            r"|Network is unreachable|error sending request|ENOTFOUND|EAI_AGAIN|ECONNREFUSED"
            r"|ETIMEDOUT|Max retries exceeded|timed out",
            re.IGNORECASE,
        ),
        "连接不到软件包仓库：请检查网络，或先为 pip、npm 配置可访问的镜像，再运行同一条命令。",
        "The package registry cannot be reached: check the network, or point pip and npm at a mirror, and run again.",
    ),
    (
        "hash",
        re.compile(r"hash mismatch|do not match the hashes|EINTEGRITY", re.IGNORECASE),
        "下载的软件包与锁定文件里的哈希不一致，已拒绝安装：请检查镜像是否可信。",
        "A downloaded package does not match the hash in the lock file and was refused: check the mirror.",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: Its exit code.
        tail: Its last lines.
    """

    code: int
    tail: str


def tool_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for tools: no foreign virtual environment, no Python path of the caller's."""
    kept = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}}
    return {**kept, "NO_COLOR": "1", "ORT_DISABLE_TELEMETRY": "1", **(extra or {})}


def run_logged(
    argv: Sequence[str | Path],
    *,
    log: Path,
    step: Step,
    cwd: Path,
    env: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a command with its output in `log` and its latest line as progress."""
    tail: collections.deque[str] = collections.deque(maxlen=TAIL_LINES)

    def take(line: str) -> None:
        tail.append(line)
        if line.strip():
            step.note(line)

    code = stream_lines(argv, take=take, log=log, cwd=cwd, env=env)
    return Outcome(code=code, tail="\n".join(tail))


def stream_lines(
    argv: Sequence[str | Path],
    *,
    take: Callable[[str], None],
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
) -> int:
    """Run a command, hand each line of its output to `take` and to `log`; return its exit code."""
    with log.open("a", encoding="utf-8", errors="replace") as record:
        record.write(f"\n$ {' '.join(map(str, argv))}\n")
        record.flush()
        with subprocess.Popen(  # noqa: S603 - fixed programs, no shell
            [str(part) for part in argv],
            cwd=cwd,
            env=tool_environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                record.write(line)
                record.flush()
                take(line.rstrip("\n"))
        return process.returncode


def answers(argv: Sequence[str | Path]) -> str | None:
    """Run a quick command; its output, or None when it is absent or fails."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed programs, no shell
            [str(part) for part in argv],
            check=True,
            capture_output=True,
            text=True,
            env=tool_environment(),
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def explain(outcome: Outcome, *, title: str, log: Path) -> LaunchError:
    """Turn a failed command into the sentence that helps most."""
    free_mib = shutil.disk_usage(log.parent).free // 2**20
    text = "No space left on device" if free_mib < FULL_DISK_MIB else outcome.tail
    for cause, pattern, chinese, english in _KNOWN:
        if pattern.search(text):
            return LaunchError(f"{title}失败。{chinese}", english, tail=outcome.tail, cause=cause)
    return LaunchError(
        f"{title}失败（退出码 {outcome.code}），完整输出在 {log}。",
        f"This step failed with exit code {outcome.code}; the full output is in {log}.",
        tail=outcome.tail,
    )


def must_run(
    argv: Sequence[str | Path],
    *,
    log: Path,
    step: Step,
    cwd: Path,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command that has to succeed.

    Raises:
        LaunchError: It failed; the sentence names disk, compiler, network or hash when that was the cause.
    """
    outcome = run_logged(argv, log=log, step=step, cwd=cwd, env=env)
    if outcome.code != 0:
        raise explain(outcome, title=step.title, log=log)
