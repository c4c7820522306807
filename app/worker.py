"""The worker process: composition root of background jobs.

Jobs are at least once: each one reads the state again and does only what is still missing, so that a job that ran
twice or was cut by a killed process, does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import procrastinate
from procrastinate import RetryStrategy

from app.core import audit
from app.wiring import Platform

RETRY = RetryStrategy(max_attempts=20, exponential_wait=2)
STALLED_S = 60


def tasks(platform: Platform) -> dict[str, Callable[..., None]]:
    """Bind every task name to its function."""
    return {}


def periodic(platform: Platform) -> dict[str, tuple[str, Callable[[], None]]]:
    """List what runs by the clock: name -> (cron expression, function)."""

    def seal_audit() -> None:
        with platform.unit() as work:
            audit.seal(work.session, now=work.now)

    return {"seal_audit": ("*/5 * * * *", seal_audit)}


def build_app(platform: Platform, *, database_url: str) -> procrastinate.App:
    """Make the job application: one task per row of the tables above."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database_url, max_size=4))
    for name, function in tasks(platform).items():
        app.task(name=name, retry=RETRY)(function)
    for name, (cron, job) in periodic(platform).items():
        app.periodic(cron=cron)(app.task(name=name, queueing_lock=name, pass_context=False)(_timed(job)))

    @app.periodic(cron="* * * * *")
    @app.task(name="retry_stalled_jobs", queueing_lock="retry_stalled_jobs", pass_context=True)
    async def retry_stalled_jobs(context: procrastinate.JobContext, timestamp: int) -> None:  # noqa: ARG001 - given by the scheduler
        for job in await context.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
            await context.app.job_manager.retry_job(job)

    return app


def _timed(job: Callable[[], None]) -> Callable[..., None]:
    def run_job(timestamp: int) -> None:  # noqa: ARG001 - given by the scheduler
        job()

    return run_job


def run(platform: Platform, *, database_url: str) -> None:
    """Work until SIGTERM or Ctrl-C; the job at hand is finished first."""

    async def main() -> None:
        app = build_app(platform, database_url=database_url)
        async with app.open_async():
            await app.run_worker_async(
                concurrency=2, install_signal_handlers=True, listen_notify=True, fetch_job_polling_interval=2.0
            )

    asyncio.run(main())
    platform.close()
