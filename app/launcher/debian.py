"""Debian packages that the tests need and that no Python package brings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.launcher.commands import answers, explain, run_logged
from app.launcher.console import Console
from app.launcher.layout import Layout


@dataclass(frozen=True)
class Need:
    """Something a test needs from the system.

    Attributes:
        purpose: What it is for, in Chinese.
        packages: The Debian packages that bring it.
        commands: Programs that show it is there.
        fonts: Folders under /usr/share/fonts, one of which shows it is there.
    """

    purpose: str
    packages: tuple[str, ...]
    commands: tuple[str, ...] = ()
    fonts: tuple[str, ...] = ()

    def is_met(self) -> bool:
        """Say whether the system has it."""
        if self.fonts:
            return any(Path("/usr/share/fonts", name).is_dir() for name in self.fonts)
        return all(shutil.which(name) is not None for name in self.commands)

    def sentence(self) -> str:
        """One sentence: what to install, by whom, for what."""
        return (
            f"缺少{self.purpose}：请由管理员运行 apt-get install -y --no-install-recommends {' '.join(self.packages)}。"
        )


BROWSER = Need("浏览器 Chromium（浏览器测试和演示用）", packages=("chromium",), commands=("chromium",))
FONT = Need(
    "中文字体（截图用）",
    packages=("fonts-wqy-microhei",),
    fonts=("truetype/wqy", "opentype/noto", "truetype/noto-cjk"),
)
S3 = Need(
    "S3 服务 Ceph（对象存储测试用）",
    packages=("radosgw", "ceph-mon", "ceph-osd", "ceph-common"),
    commands=("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "ceph-authtool", "monmaptool"),
)


def missing(needs: Sequence[Need]) -> list[Need]:
    """Those of `needs` the system does not meet."""
    return [need for need in needs if not need.is_met()]


def ensure_packages(layout: Layout, console: Console, needs: Sequence[Need]) -> list[Need]:
    """Install what is missing when we are root on Debian; say in one sentence each what stays missing.

    Returns:
        The needs that are still not met.
    """
    lacking = missing(needs)
    if lacking and os.geteuid() == 0 and shutil.which("apt-get"):
        for need in lacking:
            _install(layout, console, need)
        lacking = missing(needs)
    for need in lacking:
        console.say(f"! {need.sentence()}")
    return lacking


def _install(layout: Layout, console: Console, need: Need) -> None:
    options = ["-y", "-q", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"]
    install = ["apt-get", "install", *options, *need.packages]
    update = ["apt-get", "update", "-q"]
    known = all(answers(["apt-cache", "show", package]) is not None for package in need.packages)
    # The lists may be missing, or older than the archive.
    attempts = [install, update, install] if known else [update, install]
    with console.step(f"安装系统软件包 {' '.join(need.packages)}") as step:
        for argv in attempts:
            env = {"DEBIAN_FRONTEND": "noninteractive"}
            outcome = run_logged(argv, log=layout.log, step=step, cwd=layout.root, env=env)
            if argv is install and outcome.code == 0:
                return
        console.say(f"! {explain(outcome, title=step.title, log=layout.log).chinese}")
        step.outcome = "没有成功"
