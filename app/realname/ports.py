"""What the platform needs from a city real-name system (实名制系统), whatever protocol the city speaks.

Every call gives either its value or a `Failure`, never an exception for what the network or the city did: the relay
decides from the failure's kind what to do next, and a forgotten case is a type error.

Vocabulary: 开班审批 class approval, 名册 roster, 回执 receipt, 对账 reconciliation, 监管要求 supervision profile.

Clauses: CC-4.1.3b, CC-5.3.1, CC-5.3.2a, CC-5.3.2f, CC-A2-3.1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias, TypeVar

from app.realname.protocol import RETRYABLE, ClassDigest, Document, ErrorKind, RejectCode, ResultStatus

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A call that gave no value.

    Attributes:
        kind: What `next_attempt` decides by.
        code: The city's own code, such as `replay`, or a short name of the network failure.
        detail: One Chinese sentence for the log and the board.
        status: HTTP status, if there was one.
        retry_after_s: Seconds the city asks to wait, if it does.
    """

    kind: ErrorKind
    code: str
    detail: str
    status: int | None = None
    retry_after_s: int | None = None

    @property
    def is_retryable(self) -> bool:
        """Tell whether the very same request may succeed later."""
        return self.kind in RETRYABLE


Outcome: TypeAlias = T | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """A designated training institution as the city lists it."""

    institution_id: str
    name: str
    uscc: str
    bureau: str
    agreement_no: str
    is_designated: bool
    contact_name: str = ""
    contact_phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CityClass:
    """A class as the city holds it.

    Attributes:
        class_code: The city's number; the key of everything said about the class.
        status: `submitted` (no approval yet), `approved` or `closed`.
        pack: Policy pack by which the class is run and paid.
        claimable: False for demonstration classes.
        trade_code: `CC-` and the row of the trade in the catalogue of the Changchun notice.
        trade_row: That row.
        level: `5` (junior) to `1`, or `1r`.
        start: First day, inclusive; China.
        end: Last day, inclusive; China.
        application_at: When the opening was applied for.
        approved_at: When it was approved, or None.
        approval_no: Number of the approval, or None: then nothing may be taught.
        supervision_profile: Check kinds and frequency the city demands; None when not given yet.
        roster_sha256: Hash over the canonical roster, or None while there is no roster.
    """

    class_code: str
    name: str
    platform_id: str
    region: str
    status: str
    pack: str
    claimable: bool
    institution_id: str
    institution_uscc: str
    institution: Institution
    organizer_kind: str
    trade_code: str
    trade_row: int
    trade_name: str
    class_abc: str
    urgent: bool
    level: str
    training_type: str
    planned_hours: int
    online_hours: int
    theory_hours: int
    practice_hours: int
    start: date
    end: date
    headcount: int
    teachers: tuple[str, ...]
    course_ids: tuple[str, ...]
    application_at: datetime
    approved_at: datetime | None
    approval_no: str | None
    approver_org: str
    supervision_profile: Mapping[str, Any] | None
    roster_sha256: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow:
    """A trainee on the city's roster; the ID number and the phone are personal data and stay out of logs.

    Attributes:
        learner_ref: The city's number of this trainee in this class; all the city wants to see in events.
        person_key: The city's number of the person, the same in every class; asks for earlier claims.
        category_code: One of the subsidised groups.
    """

    learner_ref: str
    person_key: str
    name: str = field(repr=False)
    id_type: str
    id_no: str = field(repr=False)
    sex: Literal["M", "F"]
    birth_year: int
    phone: str = field(repr=False)
    hukou_region: str
    category_code: str
    education: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A complete roster whose hash was checked; without rows when the city has not handed it out yet."""

    class_code: str
    roster_sha256: str | None
    rows: tuple[RosterRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventResult:
    """What became of one event."""

    event_id: str
    status: ResultStatus
    code: RejectCode | None = None
    field: str | None = None
    detail: str | None = None

    @property
    def is_delivered(self) -> bool:
        """Tell whether delivery has ended well."""
        return self.status in {ResultStatus.STORED, ResultStatus.DUPLICATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The city's signed word on a batch.

    Attributes:
        receipt_id: The city's number.
        batch_id: Our batch, or None when the city speaks by itself (a missing file arrived).
        results: One per event; after `push_events` exactly the events sent, in their order.
        receiver_time: The city's clock.
        document: The receipt as signed, to be kept as evidence.
    """

    receipt_id: int
    batch_id: str | None
    results: tuple[EventResult, ...]
    receiver_time: datetime
    document: Document = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPage:
    """Receipts after a cursor, oldest first; `next_cursor` goes on from the last one."""

    receipts: tuple[Receipt, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """What the city holds of a file; `offset` bytes when it is not complete."""

    sha256: str
    is_complete: bool
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestAnswer:
    """How the city's records of a class and day compare with ours.

    Attributes:
        matched: Whether everything is equal.
        differences: Names of the members that differ.
        missing: Closed ranges of sequence numbers the city lacks.
        unknown_learners: Trainees whose events were refused because the roster lacks them.
        entries: With differences, the city's `(seq, payload_hash)` of the period.
        receiver: The city's own digest.
    """

    class_code: str
    day: date
    kind: str
    matched: bool
    differences: tuple[str, ...]
    missing: tuple[tuple[int, int], ...]
    unknown_learners: tuple[str, ...]
    entries: tuple[tuple[int, str], ...]
    receiver: Mapping[str, Any]
    receiver_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonClaim:
    """An earlier subsidy claim of a person."""

    trade_code: str
    trade_row: int
    trade_name: str
    level: str
    class_code: str
    claimed_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonClaims:
    """All claims the city knows of a person; `claims_in_year` counts those of the natural year."""

    person_key: str
    year: int
    claims_in_year: int
    claims: tuple[PersonClaim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The city's state."""

    status: str
    receiver_time: datetime


class CitySystem(Protocol):
    """A city's real-name system."""

    def pull_classes(self, *, updated_since: datetime | None = None) -> Outcome[tuple[CityClass, ...]]:
        """Read all classes assigned to this platform, changed at or after `updated_since`."""
        ...

    def pull_roster(self, class_code: str) -> Outcome[Roster]:
        """Read the whole roster of a class and check its hash."""
        ...

    def push_events(self, events: Sequence[Document], *, batch_id: str) -> Outcome[Receipt]:
        """Deliver 1 to 200 events, at most 1 MiB; repeating a `batch_id` with the same events is harmless."""
        ...

    def head_file(self, sha256: str) -> Outcome[FileState]:
        """Ask what the city holds of a file."""
        ...

    def put_file(self, sha256: str, *, content: BinaryIO, size_bytes: int) -> Outcome[FileState]:
        """Send a file in chunks, from where the city's copy ends; nothing is sent when it is complete."""
        ...

    def receipts(self, *, cursor: str | None = None) -> Outcome[ReceiptPage]:
        """Read receipts after `cursor`."""
        ...

    def post_digest(self, digest: ClassDigest) -> Outcome[DigestAnswer]:
        """Compare a digest with the city's records."""
        ...

    def digest_diff(self, day: date) -> Outcome[tuple[DigestAnswer, ...]]:
        """Compare all digests of a day again with what the city holds now."""
        ...

    def person_claims(self, person_key: str) -> Outcome[PersonClaims]:
        """Ask for earlier claims of a person, through whatever platform (CC-2.2a)."""
        ...

    def health(self) -> Outcome[Health]:
        """Ask whether the city answers."""
        ...
