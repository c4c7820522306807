"""What can go wrong when somebody looks into the records of others.

::

    NotFound ── TraceNotFound   no such record, or not in the auditor's region
"""

from __future__ import annotations

from app.core.errors import NotFound


class TraceNotFound(NotFound):
    """There is no such record, or it lies outside the auditor's region; the answer is the same."""

    slug = "trace-not-found"
    title = "没有找到，或不在您的管辖范围内"
