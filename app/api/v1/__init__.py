"""Version 1 of the public interface, one module per resource."""

from __future__ import annotations

import importlib

from fastapi import APIRouter

RESOURCES: tuple[str, ...] = ("version",)
"""Modules of this package that hold a `router`; one line per resource."""


def routers() -> list[APIRouter]:
    """List the routers of all resources."""
    return [importlib.import_module(f"{__name__}.{name}").router for name in RESOURCES]
