"""Version 1 of the public interface, one module per resource."""

from __future__ import annotations

import importlib
from typing import Any

from fastapi import APIRouter

from app.api.hot import HotRoute
from app.wiring import Platform

RESOURCES: tuple[str, ...] = (
    "version",
    "auth",
    "sms_outbox",
    "demo",
    "consents",
    "real_name",
    "passkeys",
    "faces",
    "check_ins",
    "gates",
    "attempts",
    "question_banks",
    "courses",
    "media",
    "uploads",
    "classes",
    "learning",
    "papers",
    "trace",
    "city",
)
"""Modules of this package that hold a `router`; one line per resource."""

HOT_PATHS: tuple[str, ...] = ("answers", "heartbeats")
"""Modules of this package that hold a `hot_route`; one line per hot path."""


def routers() -> list[APIRouter]:
    """List the routers of all resources."""
    return [importlib.import_module(f"{__name__}.{name}").router for name in RESOURCES]


def hot_routes(platform: Platform) -> list[HotRoute[Any, Any]]:
    """Make the hot paths of a platform."""
    return [importlib.import_module(f"{__name__}.{name}").hot_route(platform) for name in HOT_PATHS]
