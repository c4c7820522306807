"""Everything one process runs on, built once from the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import Clock, SystemClock
from app.core.db import Database
from app.core.errors import DomainError, Unavailable
from app.core.jobs import ProcrastinateQueue
from app.core.ledger import FileRef
from app.core.security import Vault, derive_key
from app.core.settings import Settings
from app.core.work import SYSTEM, Actor, EventBus, JobQueue, Work
from app.identity.adapters.local_sms import LocalSms
from app.identity.consent_texts import ConsentText, Parties, load_texts
from app.identity.passkeys import RelyingParty
from app.identity.ports import SmsSender
from app.policy.packs import load_packs
from app.policy.rules import Pack
from app.wiring.table import connect
from proctoring.adapters.dlib_onnx import DlibOnnxMatcher
from proctoring.adapters.face_pool import FacePool
from proctoring.adapters.pictures import evidence_jpeg
from proctoring.ports import FaceMatcher
from storage.local import LocalStore
from storage.ports import ObjectStore
from storage.private import PrivateBytes, put_private, record_private
from storage.rules import RetentionClass
from storage.s3 import S3Store
from storage.s3_wire import S3Config

ENCODER = "models/dlib-encoder.onnx"
"""Where the converted face encoder lies under the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Everything one process runs on.

    Attributes:
        settings: The settings it was built from.
        clock: The clock; read once per unit of work.
        database: PostgreSQL.
        vault: Keys.
        store: Where files lie.
        url_secret: Signs addresses of the local store.
        packs: Policy packs by reference.
        bus: Events and their handlers.
        jobs: Background jobs.
        faces: The face engine; None in processes that never compare faces.
        relying_party: Who browsers see when a passkey is asked for.
        sms: Sends text messages.
        texts: Consent texts by purpose, in the order they are asked.
    """

    settings: Settings
    clock: Clock
    database: Database
    vault: Vault
    store: ObjectStore
    url_secret: bytes
    packs: Mapping[str, Pack]
    bus: EventBus
    jobs: JobQueue
    relying_party: RelyingParty
    sms: SmsSender
    texts: Mapping[str, ConsentText]
    face_engine: FaceMatcher | None

    @property
    def faces(self) -> FaceMatcher:
        """The face engine.

        Raises:
            Unavailable: This process has none.
        """
        if self.face_engine is None:
            raise Unavailable("人脸比对服务没有启动，请联系管理员")
        return self.face_engine

    def work(self, session: Session, *, actor: Actor = SYSTEM) -> Work:
        """Make the unit of work of an open transaction; the clock is read here, once."""
        return Work(session=session, now=self.clock.now(), actor=actor, bus=self.bus, jobs=self.jobs, vault=self.vault)

    @contextmanager
    def unit(self, *, actor: Actor = SYSTEM) -> Iterator[Work]:
        """Run one transaction as `actor`; commit at the end."""
        with self.database.transaction() as session:
            yield self.work(session, actor=actor)

    def record_refusal(self, actor: Actor | None, path: str, failure: DomainError) -> None:
        """Write a refusal into the audit trail, in a transaction of its own."""
        with self.unit(actor=actor or Actor(kind="anonymous")) as work:
            audit.record(work, "request", outcome="refused", reason=failure.slug, path=path[:200])

    def put_pictures(self, pictures: Sequence[bytes], *, kind: str, retention: RetentionClass) -> list[PrivateBytes]:
        """Store pictures of a person: encoded anew without hidden data, encrypted; outside of any transaction."""
        return [
            put_private(
                self.store,
                self.vault,
                evidence_jpeg(picture),
                kind=kind,
                media_type="image/jpeg",
                retention=retention,
                now=self.clock.now(),
            )
            for picture in pictures
        ]

    def record_pictures(self, work: Work, pictures: Sequence[PrivateBytes]) -> list[FileRef]:
        """Record stored pictures; the answer is how the ledger names them."""
        return [
            record_private(work.session, picture, now=work.now, created_by=work.actor.account_id)
            for picture in pictures
        ]

    def close(self) -> None:
        """Give back what is held."""
        if isinstance(self.face_engine, FacePool):
            self.face_engine.close()
        self.database.close()


def build(
    settings: Settings,
    *,
    database_url: str,
    clock: Clock | None = None,
    with_faces: bool = False,
    face_engine: FaceMatcher | None = None,
) -> Platform:
    """Build the platform of one process.

    Args:
        settings: Where everything is.
        database_url: `DATABASE_URL`, or the address of the embedded server that is running.
        clock: Another clock than the machine's, for tests.
        with_faces: Start the face engine's processes.
        face_engine: Another engine, for tests.
    """
    time = clock or SystemClock()
    secret = settings.secret.get_secret_value()
    url_secret = derive_key(secret.encode(), "object-urls")
    packs = load_packs()
    bus = EventBus()
    connect(bus, packs=packs, platform_id=settings.platform_id)
    return Platform(
        settings=settings,
        clock=time,
        database=Database(database_url),
        vault=Vault.from_secret(secret, field_keys=settings.field_key_versions()),
        store=_store(settings, url_secret, time),
        url_secret=url_secret,
        packs=packs,
        bus=bus,
        jobs=ProcrastinateQueue(),
        relying_party=RelyingParty.from_public_url(settings.public_url),
        sms=LocalSms(),
        texts=load_texts(Parties(operator=settings.operator_name, contact=settings.operator_contact)),
        face_engine=face_engine or (_faces(settings) if with_faces else None),
    )


def _store(settings: Settings, url_secret: bytes, clock: Clock) -> ObjectStore:
    if settings.storage == "local":
        return LocalStore(settings.var_dir / "objects", url_secret=url_secret, clock=clock)
    store = S3Store(
        S3Config(
            endpoint=settings.s3_endpoint,
            access_key=settings.s3_access_key.get_secret_value(),
            secret_key=settings.s3_secret_key.get_secret_value(),
            bucket=settings.s3_bucket,
            region=settings.s3_region,
            secure=settings.s3_secure,
            public_url=settings.s3_public_url,
        )
    )
    store.ensure_bucket()
    return store


def _faces(settings: Settings) -> FacePool:
    model: Path = settings.var_dir / ENCODER
    return FacePool(partial(DlibOnnxMatcher, model), workers=settings.face_workers)
