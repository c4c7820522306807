"""Prepare media in a process of its own, so that a hostile file can hurt nobody else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from app.training.media.ports import Prepared
from app.training.media.rules import MediaFacts, MediaRefused

CHILD = "app.training.adapters.media_child"
DEFAULT_TIMEOUT_S = 4 * 3600


class ChildWorkshop:
    """Runs the media child process.

    Args:
        timeout_s: Most wall seconds (and CPU seconds) one file may take.
    """

    def __init__(self, *, timeout_s: int = DEFAULT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    def prepare(self, source: Path, target: Path) -> Prepared:
        """Prepare a file; see `MediaWorkshop.prepare`."""
        command = [sys.executable, "-m", CHILD, str(source), str(target), str(self._timeout_s)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=self._timeout_s, check=False)  # noqa: S603 - our own module
        except subprocess.TimeoutExpired as error:
            raise MediaRefused("处理视频用时过长，已停止；请检查文件，或缩短、降低分辨率后重新导出") from error
        if done.returncode == -signal.SIGTERM:
            raise InterruptedError("the media process was told to stop")
        try:
            answer = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError) as error:
            raise MediaRefused("文件异常，处理时出错；请用视频软件重新导出后上传") from error
        if "problem" in answer:
            raise MediaRefused(answer["problem"])
        return Prepared(facts=MediaFacts(**answer["facts"]), is_transcoded=answer["is_transcoded"])
