"""Liveness, readiness and metrics; outside `/api/v1`, for machines of the operator."""

from __future__ import annotations

import ipaddress
import shutil

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import text
from starlette.responses import Response

from app.api.deps import PlatformDep
from app.core.errors import NotFound, Unavailable

router = APIRouter(tags=["运行状态"])

MIN_FREE_BYTES = 16 * 1024 * 1024
"""Less than this, and evidence of the next minutes may not find room."""


class DiskFull(Unavailable):
    """The data folder's disk is full."""

    slug = "disk-full"
    title = "服务器磁盘空间不足，请联系管理员"


class Health(BaseModel):
    """State of the process."""

    status: str


@router.get("/health/live")
def live() -> Health:
    """Answer as long as the process runs."""
    return Health(status="ok")


@router.get("/health/ready")
def ready(platform: PlatformDep) -> Health:
    """Answer 200 when the database answers and the disk has room, else 503.

    The object store is not asked: while it is away, lessons and exams go on and evidence waits in the spool.
    """
    with platform.database.transaction() as session:
        session.execute(text("SELECT 1"))
    if shutil.disk_usage(platform.settings.var_dir).free < MIN_FREE_BYTES:
        raise DiskFull
    return Health(status="ok")


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    """Give Prometheus its numbers; only to the machine itself and private networks."""
    host = request.client.host if request.client else ""
    if not _is_private(host):
        raise NotFound
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
