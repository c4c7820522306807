"""The front end's files: two entries on the same origin as the interface."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from app.core.errors import NotFound

DIST = Path(__file__).resolve().parents[1] / "web" / "dist"
TRAINEE_ENTRY = "index.html"
CONSOLE_ENTRY = "console/index.html"
_NO_CACHE = {"Cache-Control": "no-cache"}
_NEVER_PAGES = ("/api/", "/objects/")


class PagesMissing(NotFound):
    """The front end has not been built."""

    slug = "pages-missing"
    title = "页面还没有构建，请先运行 make run"


def mount_pages(app: FastAPI, dist: Path = DIST) -> None:
    """Serve the built front end wherever no route answers; unknown paths show the entry, whose router knows them.

    It is not a route of its own: a catch-all would turn every unknown address of the interface into "wrong method".
    """
    if (dist / "assets").is_dir():
        app.mount("/assets", StaticFiles(directory=dist / "assets"), name="assets")
    otherwise = app.router.default

    async def pages(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await otherwise(scope, receive, send)
            return
        if scope["method"] not in {"GET", "HEAD"} or scope["path"].startswith(_NEVER_PAGES):
            raise NotFound("没有这个地址，请检查后重试")
        answer = await run_in_threadpool(_page, dist, scope["path"].lstrip("/"))
        await answer(scope, receive, send)

    app.router.default = pages


def _page(dist: Path, path: str) -> Response:
    if "\x00" in path:
        raise NotFound
    public = (dist / path).resolve()
    if path and public.is_relative_to(dist.resolve()) and public.is_file():
        return FileResponse(public)
    entry = dist / (CONSOLE_ENTRY if path.split("/", 1)[0] == "console" else TRAINEE_ENTRY)
    if not entry.is_file():
        raise PagesMissing
    return FileResponse(entry, headers=_NO_CACHE)
