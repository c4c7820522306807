"""Structured logs without personal data.

Code logs ids, counts and slugs. Should a number of a person slip in all the same, a last filter masks anything that
looks like an ID number, a mobile phone or a bank card before it is written.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_PERSONAL = re.compile(r"(?<![0-9A-Za-z-])(\d{17}[\dXx]|(?:\+?86[ -]?)?1[3-9]\d{9}|\d{16,19})(?![0-9A-Za-z-])")


def mask_text(text: str) -> str:
    """Mask what looks like an ID number, phone or card: first 3 and last 2 characters stay."""
    return _PERSONAL.sub(lambda found: f"{found[0][:3]}***{found[0][-2:]}", text)


def _mask(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = mask_text(value)
        elif not isinstance(value, int | float | bool | None):
            event[key] = mask_text(str(value))
    return event


def configure_logging(level: str) -> None:
    """Send all logs, ours and the libraries', to standard output as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("procrastinate").setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger("httpx").setLevel(logging.WARNING)
