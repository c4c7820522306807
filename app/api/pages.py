"""The front end's files: two entries on the same origin as the interface."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from app.core.errors import NotFound

DIST = Path(__file__).resolve().parents[1] / "web" / "dist"
_NO_CACHE = {"Cache-Control": "no-cache"}


class PagesMissing(NotFound):
    """The front end has not been built."""

    slug = "pages-missing"
    title = "页面还没有构建，请先运行 make run"


def mount_pages(app: FastAPI, dist: Path = DIST) -> None:
    """Serve the built front end; unknown paths show the entry, whose router knows them."""
    if (dist / "assets").is_dir():
        app.mount("/assets", StaticFiles(directory=dist / "assets"), name="assets")

    def entry(name: str) -> Response:
        page = dist / name
        if not page.is_file():
            raise PagesMissing
        return FileResponse(page, headers=_NO_CACHE)

    @app.get("/console", include_in_schema=False)
    @app.get("/console/{_path:path}", include_in_schema=False)
    def console(_path: str = "") -> Response:
        return entry("console/index.html")

    @app.get("/{path:path}", include_in_schema=False)
    def trainee(path: str) -> Response:
        if path.startswith(("api/", "objects/")):
            raise NotFound("没有这个地址，请检查后重试")
        public = (dist / path).resolve()
        if path and public.is_file() and public.is_relative_to(dist.resolve()):
            return FileResponse(public)
        return entry("index.html")
