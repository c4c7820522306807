"""Compare the platform's daily digests with the city's own records.

Clauses: CC-4.1.3b
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.core.clock import china_iso
from app.core.errors import NotFound, Unprocessable
from app.realname.protocol import (
    DigestKind,
    Document,
    RejectCode,
    SigningKey,
    compute_digest,
    digest_differences,
    entries_of_day,
    missing_ranges,
    signed_document,
)
from app.realname.simulator.store import Store, dump

_MEMBERS = frozenset(
    {
        "platform_id",
        "class_code",
        "kind",
        "day",
        "counts",
        "first_seq",
        "last_seq",
        "hours_granted",
        "checkins",
        "file_count",
        "file_bytes",
        "merkle_root",
    }
)


class DigestInvalid(Unprocessable):
    """The digest document is malformed."""

    slug = "schema_invalid"
    title = "对账摘要格式不正确"


class ClassUnknown(NotFound):
    """The city assigned no such class to this platform."""

    slug = "unknown_class"
    title = "没有该班级"


@dataclass(frozen=True, slots=True)
class Reconciler:
    """The city's side of the daily reconciliation.

    Attributes:
        store: The city's records.
        signer: The city's key, for the answers.
    """

    store: Store
    signer: SigningKey

    def receive(self, digest: Any, *, platform_id: str, now: datetime) -> Document:
        """Compare a digest, keep both and answer with the differences, signed.

        Raises:
            DigestInvalid: The document is malformed.
            ClassUnknown: No such class for this platform.
        """
        if not isinstance(digest, dict) or digest.keys() != _MEMBERS or digest["platform_id"] != platform_id:
            raise DigestInvalid
        found = self.store.document("select document from class where class_code = ?", digest["class_code"])
        if found is None or found["platform_id"] != platform_id:
            raise ClassUnknown
        answer = signed_document(self._compare(digest, now), signer=self.signer)
        self.store.execute(
            "insert into digest values (?, ?, ?, ?, ?, ?) on conflict do update set"
            " document = excluded.document, answer = excluded.answer, received_at = excluded.received_at",
            digest["class_code"],
            digest["day"],
            digest["kind"],
            dump(digest),
            dump(answer),
            china_iso(now),
        )
        return answer

    def diff(self, day: str, *, platform_id: str, now: datetime) -> list[Document]:
        """Compare again every digest received for a day with what is held now."""
        kept = self.store.documents("select document from digest where day = ? order by class_code, kind", day)
        return [self._compare(digest, now) for digest in kept if digest["platform_id"] == platform_id]

    def _compare(self, digest: Document, now: datetime) -> Document:
        try:
            kind, day = DigestKind(digest["kind"]), date.fromisoformat(digest["day"])
        except (TypeError, ValueError) as error:
            raise DigestInvalid from error
        events = self._events(digest["class_code"], kind, day)
        ours = compute_digest(
            events,
            platform_id=digest["platform_id"],
            class_code=digest["class_code"],
            kind=kind,
            day=day,
        ).to_document()
        differing = digest_differences(digest, ours)
        return {
            "class_code": digest["class_code"],
            "day": digest["day"],
            "kind": digest["kind"],
            "matched": not differing,
            "differences": differing,
            "missing": self._missing(digest),
            "unknown_learners": self._unknown_learners(digest["class_code"]),
            "entries": [[event["seq"], event["payload_hash"]] for event in events] if differing else [],
            "receiver": ours,
            "receiver_time": china_iso(now),
        }

    def _events(self, class_code: str, kind: DigestKind, day: date) -> list[Document]:
        held = self.store.documents(
            "select document from event where class_code = ? and status = 'stored' order by seq", class_code
        )
        return held if kind is DigestKind.CLOSE else [dict(event) for event in entries_of_day(held, day=day)]

    def _missing(self, digest: Document) -> list[list[int]]:
        first, last = digest["first_seq"], digest["last_seq"]
        if not (isinstance(first, int) and isinstance(last, int)):
            return []
        held = self.store.rows("select seq from event where class_code = ? and status = 'stored'", digest["class_code"])
        ranges = missing_ranges((row["seq"] for row in held), first=first, last=last)
        return [[start, end] for start, end in ranges]

    def _unknown_learners(self, class_code: str) -> list[str]:
        """List learners whose events were refused because the roster lacks them, and who are still missing."""
        refused = self.store.rows(
            "select distinct learner_ref from rejection where class_code = ? and code = ?",
            class_code,
            RejectCode.UNKNOWN_LEARNER,
        )
        known = self.store.rows("select learner_ref from learner where class_code = ?", class_code)
        return sorted({row["learner_ref"] for row in refused} - {row["learner_ref"] for row in known})
