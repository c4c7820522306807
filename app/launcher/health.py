"""Tell whether a part of the platform is ready: `python -m app.launcher.health web|worker|simulator`.

Light enough for a container's health check every few seconds: no framework is imported.
"""

from __future__ import annotations

import http.client
import os
import sys
from urllib.parse import urlsplit

READY_PATH = "/health/ready"
HEARTBEAT_S = 60


def answers_ready(url: str, *, timeout_s: float = 2.0) -> bool:
    """Ask `url` (http only) and say whether it answers 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_s)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_heartbeats(database_url: str, *, after_id: int = 0) -> int:
    """Highest id of the workers that gave a sign within the last minute; 0 when none did.

    Args:
        database_url: A plain `postgresql://` address.
        after_id: Only workers registered after this id count.
    """
    import psycopg  # noqa: PLC0415 - only this check needs it

    with psycopg.connect(database_url.replace("+psycopg", "", 1), connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT coalesce(max(id), 0) FROM procrastinate_workers "
            "WHERE id > %s AND last_heartbeat > now() - make_interval(secs => %s)",
            (after_id, HEARTBEAT_S),
        ).fetchone()
    return int(row[0]) if row else 0


def main(part: str) -> int:
    """Check one part with the container's own environment; 0 when it is ready, else 1."""
    if part == "worker":
        return 0 if worker_heartbeats(os.environ["DATABASE_URL"]) else 1
    port = os.environ.get("ZX_SIMULATOR_PORT", "8100") if part == "simulator" else os.environ.get("ZX_WEB_PORT", "8000")
    return 0 if answers_ready(f"http://127.0.0.1:{port}{READY_PATH}") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
