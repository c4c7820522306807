"""The worker process: composition root of background jobs.

Jobs are at least once: each one reads the state again and does only what is still missing, so that a job that ran
twice or was cut by a killed process does no harm.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import procrastinate
from procrastinate import RetryStrategy

from app.core import audit
from app.core.clock import local_date
from app.core.ledger import RELAY_JOB
from app.identity import housekeeping
from app.realname import digests, pull, relay
from app.reports.paper_job import make_paper_pdf
from app.training.adapters.workshop import ChildWorkshop
from app.training.media.processing import MEDIA_JOB, process_media
from app.training.playback.sessions import end_idle_sessions
from app.wiring import Platform
from app.wiring.reactions import PAPER_JOB
from app.wiring.supervision import class_terms
from exam import attempts
from exam.attempts import FINISH_JOB
from proctoring import check_ins
from storage.uploads import expire_uploads

RETRY = RetryStrategy(max_attempts=20, exponential_wait=2)
STALLED_S = 60
CONCURRENCY = 4


def tasks(platform: Platform) -> dict[str, Callable[..., None]]:
    """Bind every task name to its function; arguments are JSON values."""

    def relay_chain(chain_id: str) -> None:
        relay.relay_chain(
            UUID(chain_id), unit=platform.unit, city=platform.city, files=platform.open_file, rng=random.SystemRandom()
        )

    def finish_attempt(attempt_id: str) -> None:
        with platform.unit() as work:
            attempts.finish_if_over(work, UUID(attempt_id))

    def make_paper(attempt_id: str) -> None:
        make_paper_pdf(platform.unit, store=platform.store, vault=platform.vault, attempt_id=UUID(attempt_id))

    def probe_media(media_id: str) -> None:
        process_media(platform.unit, platform.store, UUID(media_id), workshop=ChildWorkshop())

    return {
        RELAY_JOB: relay_chain,
        FINISH_JOB: finish_attempt,
        PAPER_JOB: make_paper,
        MEDIA_JOB: probe_media,
    }


def periodic(platform: Platform) -> dict[str, tuple[str, Callable[[], None]]]:
    """List what runs by the clock: name -> (cron expression with seconds last, function)."""

    def pull_city() -> None:
        pull.pull(unit=platform.unit, city=platform.city, terms=class_terms(platform.packs))

    def sweep_outbox() -> None:
        with platform.unit() as work:
            relay.sweep(work)

    def expire_check_ins() -> None:
        with platform.unit() as work:
            check_ins.expire_due(work)

    def finish_overdue_exams() -> None:
        with platform.unit() as work:
            overdue = attempts.overdue(work)
        for attempt_id in overdue:
            with platform.unit() as work:
                attempts.finish_if_over(work, attempt_id)

    def end_silent_players() -> None:
        with platform.unit() as work:
            end_idle_sessions(work)

    def post_digests() -> None:
        yesterday = local_date(platform.clock.now()) - timedelta(days=1)
        digests.post_digests(
            yesterday, unit=platform.unit, city=platform.city, platform_id=platform.settings.platform_id
        )

    def seal_audit() -> None:
        with platform.unit() as work:
            audit.seal(work.session, now=work.now)

    def tidy() -> None:
        with platform.unit() as work:
            housekeeping.sweep(work)
        expire_uploads(platform.database.transaction, platform.store, now=platform.clock.now())

    return {
        "pull_city": ("*/10 * * * *", pull_city),
        "sweep_outbox": ("* * * * *", sweep_outbox),
        "expire_check_ins": ("* * * * * */5", expire_check_ins),
        "finish_overdue_exams": ("* * * * *", finish_overdue_exams),
        "end_silent_players": ("*/5 * * * *", end_silent_players),
        "post_digests": ("30 1 * * *", post_digests),
        "seal_audit": ("*/5 * * * *", seal_audit),
        "tidy": ("15 * * * *", tidy),
    }


def build_app(platform: Platform, *, database_url: str) -> procrastinate.App:
    """Make the job application: one task per row of the tables above."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database_url, max_size=4))
    for name, function in tasks(platform).items():
        app.task(name=name, retry=RETRY)(function)
    for name, (cron, job) in periodic(platform).items():
        app.periodic(cron=cron)(app.task(name=name, queueing_lock=name, lock=name)(_timed(job)))

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
                concurrency=CONCURRENCY,
                install_signal_handlers=True,
                listen_notify=True,
                fetch_job_polling_interval=2.0,
                delete_jobs="successful",
            )

    asyncio.run(main())
    platform.close()
