"""The product's own web process, plus two routes to compare it with; never part of the product."""

from __future__ import annotations

import sys

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.api.v1.heartbeats import echo_route
from app.core.log import configure_logging
from app.core.settings import Settings
from app.main import create_app
from app.wiring import build


def main() -> None:
    """Serve on the port given; `DATABASE_URL` names the database."""
    settings = Settings()
    configure_logging("WARNING")
    platform = build(settings, database_url=settings.database_url or "", with_faces=len(sys.argv) > 2)
    app = create_app(platform)

    async def read_face(request: Request) -> JSONResponse:
        picture = await request.body()
        readings = await run_in_threadpool(platform.faces.read, [picture] * 3, deadline_s=10.0)
        return JSONResponse({"readings": len(readings)})

    app.router.routes[:0] = [echo_route(), Route("/bench/face", read_face, methods=["POST"])]
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_config=None)


if __name__ == "__main__":
    main()
