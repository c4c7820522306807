"""The preparation steps in their order; each does nothing when nothing changed."""

from __future__ import annotations

import shutil

from app.launcher import debian, environment, frontend, models
from app.launcher.console import Console, LaunchError
from app.launcher.layout import Layout

FREE_GIB_FIRST = 3
FREE_GIB_LATER = 1


def prepare(layout: Layout, console: Console, *, dev: bool, pages: bool = True) -> None:
    """Build everything `make run` needs; with `dev` also what the tests need from the registries.

    Args:
        layout: The working copy.
        console: Where progress is shown.
        dev: True when the test tools and photos are needed too.
        pages: False when the front end is built later.

    Raises:
        LaunchError: A step failed; the sentence says why and what to do.
    """
    with layout.exclusive(console):
        check_space(layout)
        environment.ensure_environment(layout, console, dev=dev)
        frontend.ensure_packages(layout, console)
        if pages:
            frontend.ensure_built(layout, console)
        models.ensure_encoder(layout, console)
        if dev:
            models.ensure_test_photos(layout, console)


def check_space(layout: Layout) -> None:
    """Refuse early when the disk cannot hold the environment.

    Raises:
        LaunchError: Too little space is free.
    """
    needed = FREE_GIB_LATER if layout.python.exists() else FREE_GIB_FIRST
    free = shutil.disk_usage(layout.root).free / 2**30
    if free < needed:
        raise LaunchError(
            f"磁盘空间不足：{layout.root} 所在磁盘只剩 {free:.1f} GB，至少需要 {needed} GB。请清出空间后重试。",
            f"Too little disk space: {free:.1f} GB free at {layout.root}, at least {needed} GB needed.",
        )


def system_packages(layout: Layout, console: Console, *, with_s3: bool) -> list[debian.Need]:
    """Install Chromium, a Chinese font and the S3 server where possible; return what is still missing."""
    needs = [debian.BROWSER, debian.FONT, *([debian.S3] if with_s3 else [])]
    return debian.ensure_packages(layout, console, needs)
