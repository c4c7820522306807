"""Every table of the product, by import: what migrations and tests call the metadata."""

from __future__ import annotations

import app.core.audit
import app.core.ledger
import app.identity.models
import app.training.models  # noqa: F401 - imported for their tables
import storage.models  # noqa: F401 - imported for their tables
from app.core.db import Base

metadata = Base.metadata
