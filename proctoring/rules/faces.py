"""Decide about readings: is a picture good enough, do faces agree, is this the enrolled person.

Machines flag, people decide: a match that looks arranged is never a fail but goes to a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from typing import TypeVar

import numpy as np

from proctoring.ports import (
    Embedding,
    Engine,
    Face,
    FaceReading,
    FaceTemplate,
    Outcome,
    QualityIssue,
    Reason,
    Rejection,
    Verdict,
)

_Finding = TypeVar("_Finding", QualityIssue, Reason)

MIN_PROBES = 2
MIN_ENROLMENT_PHOTOS = 3
MIN_PAUSE = timedelta(seconds=1)
# Measured noise of `turn` between frames of a still head is 0.01, seldom above 0.024.
MIN_TURN_SPREAD = 0.12
# The engine is deterministic: only the same pixels come this close; two camera frames of a still face do not.
_SAME_PIXELS = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityLimits:
    """What a picture must reach before a face is compared; defaults from trials with 181 spoilt pictures.

    Attributes:
        min_face_px: Width of the face in pixels.
        max_face_ratio: Width of the face against the shorter side of the picture.
        max_overhang_ratio: Part of the face's width that may lie outside the picture.
        max_turn: Largest turn to either side.
        max_roll_deg: Largest tilt to either side in degrees.
        min_brightness: Mean grey value, 0 to 255.
        max_picture_brightness: The same of a whole picture in which no face was found.
        max_bright_share: Share of burnt-out pixels.
        min_sharpness: Relative detail.
    """

    min_face_px: int = 85
    max_face_ratio: float = 0.8
    max_overhang_ratio: float = 0.05
    max_turn: float = 0.5
    max_roll_deg: float = 25.0
    min_brightness: float = 28.0
    max_picture_brightness: float = 215.0
    max_bright_share: float = 0.25
    min_sharpness: float = 0.18


DEFAULT_LIMITS = QualityLimits()


@dataclass(frozen=True, slots=True)
class Threshold:
    """Distances up to `accept` pass, up to `unsure` a person decides, above that they fail."""

    accept: float
    unsure: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdTable:
    """Thresholds of one engine by the number of pictures averaged on each side.

    Attributes:
        version: Stored with every verdict.
        engine_name: The engine it was measured with.
        engine_version: Its version.
        cells: (fewer, more) pictures averaged, at most 3 each, to threshold.
        together: Largest distance between single pictures taken together, in one burst or one enrolment;
            loose, since heads turn meanwhile and the comparison of the means follows.
    """

    version: str
    engine_name: str
    engine_version: str
    cells: Mapping[tuple[int, int], Threshold]
    together: float

    def fits(self, engine: Engine) -> bool:
        """Tell whether the table was measured with this engine."""
        return (self.engine_name, self.engine_version) == (engine.name, engine.version)

    def threshold(self, *, templates: int, probes: int) -> Threshold:
        """Look up the threshold; more than 3 pictures count as 3."""
        fewer, more = sorted((min(templates, 3), min(probes, 3)))
        return self.cells[fewer, more]


# See Note [Where the thresholds come from].
DLIB_THRESHOLDS = ThresholdTable(
    version="dlib-onnx-1/2026-11",
    engine_name="dlib-onnx",
    engine_version="1",
    cells={
        (1, 1): Threshold(0.385, 0.430),
        (1, 2): Threshold(0.370, 0.412),
        (1, 3): Threshold(0.365, 0.406),
        (2, 2): Threshold(0.355, 0.398),
        (2, 3): Threshold(0.348, 0.393),
        (3, 3): Threshold(0.342, 0.390),
    },
    together=0.46,
)


@dataclass(frozen=True, slots=True)
class EnrolmentPhoto:
    """A reading with the moment the server received its picture (aware, UTC)."""

    reading: FaceReading | Rejection
    received_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolment:
    """The result of enrolling: a template, or what is to be done again.

    Attributes:
        template: None exactly when there are reasons.
        reasons: What is wrong with the photos together.
        issues: What is wrong with single photos, in their order; an empty tuple is a good photo.
    """

    template: FaceTemplate | None
    reasons: tuple[Reason, ...]
    issues: tuple[tuple[QualityIssue, ...], ...]


def quality_issues(
    reading: FaceReading | Rejection, *, limits: QualityLimits = DEFAULT_LIMITS
) -> tuple[QualityIssue, ...]:
    """List what is wrong with a picture, the most important first; nothing means usable."""
    if isinstance(reading, Rejection):
        return (reading.issue,)
    face = reading.face
    if face is None:
        checks: tuple[tuple[bool, QualityIssue], ...] = (
            (reading.brightness < limits.min_brightness, QualityIssue.TOO_DARK),
            (reading.brightness > limits.max_picture_brightness, QualityIssue.TOO_BRIGHT),
            (True, QualityIssue.NO_FACE),
        )
        return _true_ones(checks)
    checks = (
        (reading.face_count > 1, QualityIssue.MANY_FACES),
        (face.box.width < limits.min_face_px, QualityIssue.TOO_FAR),
        (face.box.width > limits.max_face_ratio * min(reading.width, reading.height), QualityIssue.TOO_CLOSE),
        (_overhang(reading, face) > limits.max_overhang_ratio * face.box.width, QualityIssue.OFF_CENTER),
        (face.brightness < limits.min_brightness, QualityIssue.TOO_DARK),
        (face.bright_share > limits.max_bright_share, QualityIssue.TOO_BRIGHT),
        (face.sharpness < limits.min_sharpness, QualityIssue.BLURRED),
        (abs(face.turn) > limits.max_turn, QualityIssue.TURNED),
        (abs(face.roll_deg) > limits.max_roll_deg, QualityIssue.TILTED),
    )
    return _true_ones(checks)


def _true_ones(checks: Sequence[tuple[bool, _Finding]]) -> tuple[_Finding, ...]:
    return tuple(finding for is_so, finding in checks if is_so)


def _overhang(reading: FaceReading, face: Face) -> int:
    box = face.box
    return max(-box.left, -box.top, box.left + box.width - reading.width, box.top + box.height - reading.height, 0)


def average(embeddings: Sequence[Embedding]) -> Embedding:
    """Give the mean vector of at least one embedding."""
    return Embedding.from_vector(np.mean([each.vector() for each in embeddings], axis=0))


def enrol(
    photos: Sequence[EnrolmentPhoto],
    *,
    engine: Engine,
    table: ThresholdTable = DLIB_THRESHOLDS,
    limits: QualityLimits = DEFAULT_LIMITS,
    min_photos: int = MIN_ENROLMENT_PHOTOS,
) -> Enrolment:
    """Make a template of a trainee's photos, or say what to do again.

    Photos taken in one second from one angle are nearly one photo, so pauses and a small turn are asked for.

    Args:
        photos: In the order they were taken.
        engine: What read them.
        table: Measured with this engine.
        limits: What each photo must reach.
        min_photos: Good photos needed.

    Clauses:
        CC-A2-4.2.
    """
    issues = tuple(quality_issues(photo.reading, limits=limits) for photo in photos)
    good = [photo for photo, wrong in zip(photos, issues, strict=True) if not wrong]
    faces = [face for photo in good if (face := _face(photo.reading))]
    embeddings = [face.embedding for face in faces]
    turns = [face.turn for face in faces]
    checks = (
        (len(good) < min_photos, Reason.TOO_FEW_FRAMES),
        (_has_twins([photo.reading for photo in good]), Reason.IDENTICAL_FRAMES),
        (any(b.received_at - a.received_at < MIN_PAUSE for a, b in pairwise(good)), Reason.NO_PAUSE),
        (not _agree(embeddings, table), Reason.FRAMES_DISAGREE),
        (bool(turns) and max(turns) - min(turns) < MIN_TURN_SPREAD, Reason.NO_HEAD_TURN),
    )
    reasons = _true_ones(checks)
    template = (
        None if reasons else FaceTemplate(embedding=average(embeddings), photos_averaged=len(good), engine=engine)
    )
    return Enrolment(template=template, reasons=reasons, issues=issues)


def verify(
    readings: Sequence[FaceReading | Rejection],
    *,
    template: FaceTemplate,
    engine: Engine,
    table: ThresholdTable = DLIB_THRESHOLDS,
    limits: QualityLimits = DEFAULT_LIMITS,
    seen_frames: Collection[str] = frozenset(),
    min_frames: int = MIN_PROBES,
) -> Verdict:
    """Decide whether a burst shows the enrolled person.

    Args:
        readings: Of two or three frames.
        template: Of the trainee.
        engine: What read the frames.
        table: Measured with this engine.
        limits: What each frame must reach.
        seen_frames: Hashes of this trainee's earlier pictures; a camera never gives the same picture twice.
        min_frames: Usable frames needed.

    Clauses:
        CC-5.3.3c, CC-A2-4.6, CC-A2-4.7.
    """
    wrong = [quality_issues(reading, limits=limits) for reading in readings]
    usable = [reading for reading, issues in zip(readings, wrong, strict=True) if not issues]
    embeddings = [face.embedding for reading in usable if (face := _face(reading))]
    if not (template.engine.matches(engine) and table.fits(engine)):
        judged = _Judged(Outcome.UNSURE, (Reason.OTHER_ENGINE,))
    elif len(usable) < min_frames:
        judged = _Judged(Outcome.FAIL, (Reason.TOO_FEW_FRAMES,))
    elif not _agree(embeddings, table):
        judged = _Judged(Outcome.FAIL, (Reason.FRAMES_DISAGREE,))
    else:
        judged = _judge(embeddings, template, table, suspicions=_suspicions(readings, seen_frames))
    counts = Counter(issue for issues in wrong for issue in issues)
    return Verdict(
        outcome=judged.outcome,
        distance=judged.distance,
        threshold=judged.threshold,
        threshold_version=table.version,
        frames_averaged=len(usable),
        templates_averaged=template.photos_averaged,
        engine=engine,
        reasons=judged.reasons,
        issues=tuple(issue for issue, _ in counts.most_common()),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    outcome: Outcome
    reasons: tuple[Reason, ...]
    distance: float | None = None
    threshold: float | None = None


def _judge(
    embeddings: Sequence[Embedding],
    template: FaceTemplate,
    table: ThresholdTable,
    *,
    suspicions: tuple[Reason, ...],
) -> _Judged:
    threshold = table.threshold(templates=template.photos_averaged, probes=len(embeddings))
    distance = average(embeddings).distance_to(template.embedding)
    if distance > threshold.unsure:
        return _Judged(Outcome.FAIL, (Reason.DISTANT, *suspicions), distance, threshold.accept)
    if distance > threshold.accept:
        return _Judged(Outcome.UNSURE, (Reason.NEAR_LIMIT, *suspicions), distance, threshold.accept)
    outcome = Outcome.UNSURE if suspicions else Outcome.PASS
    return _Judged(outcome, suspicions, distance, threshold.accept)


def _suspicions(readings: Sequence[FaceReading | Rejection], seen_frames: Collection[str]) -> tuple[Reason, ...]:
    checks = (
        (_has_twins(readings), Reason.IDENTICAL_FRAMES),
        (any(reading.sha256 in seen_frames for reading in readings), Reason.REPLAYED_FRAME),
    )
    return _true_ones(checks)


def _has_twins(readings: Sequence[FaceReading | Rejection]) -> bool:
    """Tell whether two pictures are the same, byte by byte or pixel by pixel."""
    return any(_are_twins(a, b) for a, b in combinations(readings, 2))


def _are_twins(a: FaceReading | Rejection, b: FaceReading | Rejection) -> bool:
    if a.sha256 == b.sha256:
        return True
    first, second = _face(a), _face(b)
    return bool(first and second and first.embedding.distance_to(second.embedding) < _SAME_PIXELS)


def _agree(embeddings: Sequence[Embedding], table: ThresholdTable) -> bool:
    return all(a.distance_to(b) <= table.together for a, b in combinations(embeddings, 2))


def _face(reading: FaceReading | Rejection) -> Face | None:
    return reading.face if isinstance(reading, FaceReading) else None


# Note [Where the thresholds come from]
# Measured on the 153 East and South-East Asian people of Labeled Faces in the Wild, every person weighted
# equally, each picture encoded together with its mirror image: `accept` lets 0.1 % of strangers pass, `unsure`
# 1 %. Measured pairs: 1 to 1 (0.386, 0.432), 3 to 3 (0.342, 0.390); 2 to 2 and 3 to 1 were measured without
# mirror images (0.363 and 0.375 for 0.1 %) and moved down by what mirroring moves the others. The rest follows from
# the square of the distance falling in proportion to 1/templates + 1/probes. The encoder's customary 0.6 would
# accept a third of all strangers of this population. Frames of one second are less independent than the
# measured photos, so fewer strangers pass than stated, and more of the right people are asked again.
