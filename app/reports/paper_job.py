"""Make the paper of an attempt once, and find it again.

Three steps, so that nothing slow happens inside a transaction: read the facts; read the pictures, set and encrypt the
document; record it and tell the other rooms. The job may run any number of times: a paper is sealed once.

Clauses: CC-4.1.4b, CC-A2-4.6
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.ledger import FileRef
from app.core.security import Vault
from app.core.work import Work
from app.reports.errors import PaperNotReady
from app.reports.events import PaperSealed
from app.reports.models import SealedPaper
from app.reports.paper import TEMPLATE_VERSION, paper_data, render_paper
from app.reports.paper_facts import PaperFacts, read_paper_facts
from app.reports.typesetting import Document
from exam.attempts import get_own
from exam.models import Attempt
from storage.errors import ObjectMissing
from storage.ports import ObjectStore
from storage.private import FilePlace, PrivateBytes, find_file, put_private, read_file, record_private
from storage.rules import RetentionClass

PAPER = "paper"
"""Purpose of the key for papers."""

PAPER_KIND = "paper_pdf"
PDF = "application/pdf"

Unit = Callable[[], AbstractContextManager[Work]]


def make_paper_pdf(unit: Unit, *, store: ObjectStore, vault: Vault, attempt_id: UUID) -> FileRef:
    """Make, seal and announce the paper of an attempt; a paper that is sealed already is given back.

    Args:
        unit: Opens a transaction.
        store: Where files lie.
        vault: Keys.
        attempt_id: A marked attempt.

    Raises:
        PaperNotReady: The attempt is not marked.
        FontsMissing: Set-up has not put the fonts in place.
        StoreUnavailable: The store does not answer; nothing was sealed.
        EvidenceDamaged: A picture is not what was sealed.
    """
    with unit() as work:
        if (sealed := work.session.get(SealedPaper, attempt_id)) is not None:
            return _ref(sealed)
        facts = read_paper_facts(work, attempt_id)
    data = paper_data(facts.report)
    pictures = _pictures(store, vault, facts.pictures)
    document = render_paper(data, pictures=pictures, graded_at=facts.report.graded_at)
    private = put_private(
        store,
        vault,
        document.pdf,
        kind=PAPER_KIND,
        media_type=PDF,
        retention=RetentionClass.PROOF,
        now=facts.read_at,
        purpose=PAPER,
    )
    with unit() as work:
        return _seal(
            work,
            attempt_id,
            facts=facts,
            document=document,
            private=private,
            content_sha256=data["content_sha256"],
        )


def find_sealed(session: Session, attempt_id: UUID) -> SealedPaper | None:
    """Find the sealed paper of an attempt; None while there is none."""
    return session.get(SealedPaper, attempt_id)


def own_paper(work: Work, attempt_id: UUID, *, person_id: UUID) -> FilePlace:
    """Find where a person's own paper lies.

    Raises:
        AttemptNotFound: It is somebody else's.
        PaperNotReady: It is not sealed yet.
    """
    get_own(work, attempt_id, person_id=person_id)
    sealed = find_sealed(work.session, attempt_id)
    if sealed is None:
        raise PaperNotReady
    return find_file(work.session, sealed.sha256)


def _seal(
    work: Work,
    attempt_id: UUID,
    *,
    facts: PaperFacts,
    document: Document,
    private: PrivateBytes,
    content_sha256: str,
) -> FileRef:
    work.session.execute(select(Attempt.id).where(Attempt.id == attempt_id).with_for_update())
    if (sealed := find_sealed(work.session, attempt_id)) is not None:
        return _ref(sealed)
    file = record_private(work.session, private, now=work.now)
    work.session.add(
        SealedPaper(
            attempt_id=attempt_id,
            enrollment_id=facts.enrollment_id,
            sha256=file.sha256,
            size_bytes=file.bytes,
            page_count=document.page_count,
            content_sha256=content_sha256,
            template_version=TEMPLATE_VERSION,
            sealed_at=work.now,
        )
    )
    work.session.flush()
    work.publish(
        PaperSealed(
            attempt_id=attempt_id,
            enrollment_id=facts.enrollment_id,
            file=file,
            page_count=document.page_count,
            content_sha256=content_sha256,
            template_version=TEMPLATE_VERSION,
        )
    )
    return file


def _pictures(store: ObjectStore, vault: Vault, places: Iterable[FilePlace]) -> dict[str, bytes]:
    found = {}
    for place in places:
        try:
            found[place.sha256] = read_file(store, vault, place)
        except ObjectMissing:
            continue  # deleted between the two steps; the paper says so
    return found


def _ref(sealed: SealedPaper) -> FileRef:
    return FileRef(sha256=sealed.sha256, bytes=sealed.size_bytes, media_type=PDF, kind=PAPER_KIND)
