"""Every table of the product, by import: what migrations and tests call the metadata."""

from __future__ import annotations

import importlib

from app.core.db import Base

OWNERS = (
    "app.core.audit",
    "app.core.ledger",
    "app.identity.models",
    "app.realname.models",
    "app.reports.models",
    "app.training.models",
    "exam.models",
    "proctoring.models",
    "storage.models",
    "storage.private",
)
"""Modules that define tables."""

for owner in OWNERS:
    importlib.import_module(owner)

metadata = Base.metadata
