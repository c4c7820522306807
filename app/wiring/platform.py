"""Everything one process runs on, built once from the settings."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

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
from app.realname.adapters.rnp1 import Rnp1Client
from app.realname.ports import CitySystem
from app.realname.protocol import KeyRing, SigningKey
from app.realname.protocol.signing import encode_public_key, read_key_file
from app.wiring.table import connect
from proctoring.adapters.dlib_onnx import DlibOnnxMatcher
from proctoring.adapters.face_pool import FacePool
from proctoring.adapters.pictures import evidence_jpeg
from proctoring.ports import FaceMatcher
from storage.local import LocalStore
from storage.ports import ObjectStore
from storage.private import PrivateBytes, find_file, put_private, read_file, record_private
from storage.rules import RetentionClass
from storage.s3 import S3Store
from storage.s3_wire import S3Config

PLATFORM_KEY = "platform-key.pub"
"""Our public key under the data folder; whoever receives our events needs it."""

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
        city: The real-name system of the city.
        relying_party: Who browsers see when a passkey is asked for.
        face_engine: Compares faces; None in processes that never do.
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
    city: CitySystem

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

    def put_proof(self, document: bytes, *, kind: str) -> PrivateBytes:
        """Store a signed document of a person as evidence, encrypted; outside of any transaction."""
        return put_private(
            self.store,
            self.vault,
            document,
            kind=kind,
            media_type="application/json",
            retention=RetentionClass.PRESENCE,
            now=self.clock.now(),
        )

    def record_pictures(self, work: Work, pictures: Sequence[PrivateBytes]) -> list[FileRef]:
        """Record stored pictures; the answer is how the ledger names them."""
        return [
            record_private(work.session, picture, now=work.now, created_by=work.actor.account_id)
            for picture in pictures
        ]

    @contextmanager
    def open_file(self, sha256: str) -> Iterator[tuple[BinaryIO, int]]:
        """Open a sealed file in clear, by its hash; the stream and its size in bytes."""
        with self.database.transaction() as session:
            place = find_file(session, sha256)
        content = read_file(self.store, self.vault, place)
        yield io.BytesIO(content), len(content)

    def city_keys(self) -> dict[str, bytes]:
        """List the city's public keys, 32 raw bytes each, by their id."""
        ring = _city_keys(self.settings)
        return {key_id: key.public_key.public_bytes_raw() for key_id, key in ring.keys.items()}

    def close(self) -> None:
        """Give back what is held."""
        if isinstance(self.face_engine, FacePool):
            self.face_engine.close()
        if isinstance(self.city, Rnp1Client):
            self.city.close()
        self.database.close()


def build(
    settings: Settings,
    *,
    database_url: str,
    clock: Clock | None = None,
    with_faces: bool = False,
    face_engine: FaceMatcher | None = None,
    city: CitySystem | None = None,
) -> Platform:
    """Build the platform of one process.

    Args:
        settings: Where everything is.
        database_url: `DATABASE_URL`, or the address of the embedded server that is running.
        clock: Another clock than the machine's, for tests.
        with_faces: Start the face engine's processes.
        face_engine: Another engine, for tests.
        city: Another city, for tests.
    """
    time = clock or SystemClock()
    secret = settings.secret.get_secret_value()
    url_secret = derive_key(secret.encode(), "object-urls")
    packs = load_packs()
    bus = EventBus()
    connect(bus, packs=packs, platform_id=settings.platform_id)
    vault = Vault.from_secret(secret, field_keys=settings.field_key_versions())
    return Platform(
        settings=settings,
        clock=time,
        database=Database(database_url),
        vault=vault,
        store=_store(settings, url_secret, time),
        url_secret=url_secret,
        packs=packs,
        bus=bus,
        jobs=ProcrastinateQueue(),
        relying_party=RelyingParty.from_public_url(settings.public_url),
        sms=LocalSms(),
        texts=load_texts(Parties(operator=settings.operator_name, contact=settings.operator_contact)),
        face_engine=face_engine or (_faces(settings) if with_faces else None),
        city=city or _city(settings, vault, time),
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


def _city(settings: Settings, vault: Vault, clock: Clock) -> CitySystem:
    """Reach the city; our public key is left where the simulator, or an operator, picks it up."""
    ours = settings.var_dir / PLATFORM_KEY
    text = encode_public_key(vault.signing_key.public_key()) + "\n"
    if not ours.is_file() or ours.read_text(encoding="utf-8") != text:
        ours.parent.mkdir(parents=True, exist_ok=True)
        fresh = ours.with_suffix(f".{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(ours)
    return Rnp1Client(
        settings.city_url,
        platform_id=settings.platform_id,
        signer=SigningKey(vault.signing_key),
        city_keys=partial(_city_keys, settings),
        clock=clock,
    )


def _city_keys(settings: Settings) -> KeyRing:
    """Read the city's public keys as they are known now; none before the city was reached."""
    theirs = settings.city_key_file or settings.var_dir / "simulator" / "city-key.pub"
    return read_key_file(theirs.read_text(encoding="utf-8")) if theirs.is_file() else KeyRing.of(())


def _faces(settings: Settings) -> FacePool:
    model: Path = settings.var_dir / ENCODER
    return FacePool(partial(DlibOnnxMatcher, model), workers=settings.face_workers)
