"""The web process: composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI

from app import VERSION
from app.api import health, problems
from app.api.middleware import EveryRequest, Metrics
from app.api.objects import object_routes
from app.api.openapi import Application
from app.api.pages import mount_pages
from app.api.v1 import hot_routes, routers
from app.wiring import Platform

API = "/api/v1"


def create_app(platform: Platform) -> FastAPI:
    """Make the web application of a platform."""
    hot = hot_routes(platform)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        for path in hot:
            path.writer.start()
        yield
        for path in hot:
            path.writer.stop()
        platform.close()

    app = Application(
        hot=hot,
        title="证学 · 网络线上培训第三方监管平台",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,  # a redirect would repeat whatever the Host header says
    )
    app.state.platform = platform
    app.state.metrics = Metrics()
    problems.install(app)
    for router in routers():
        app.include_router(router, prefix=API)
    app.include_router(health.router)
    app.router.routes[:0] = [path.route for path in hot]  # first: nothing else is tried before them
    app.router.routes.extend(object_routes(platform))
    mount_pages(app)
    app.add_middleware(
        EveryRequest, now=platform.clock.now, metrics=app.state.metrics, headers=security_headers(platform)
    )
    return app


def security_headers(platform: Platform) -> dict[str, str]:
    """List the headers that every answer carries."""
    settings = platform.settings
    elsewhere = _origin(settings.s3_public_url or "") if settings.storage == "s3" else ""
    policy = (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob: {elsewhere}; media-src 'self' blob: {elsewhere}; "
        f"connect-src 'self' {elsewhere}; object-src 'none'; "
        "base-uri 'self'; frame-ancestors 'none'; form-action 'self'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if settings.is_production:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
