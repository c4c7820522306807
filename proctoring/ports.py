"""State what supervision needs from a face engine, in values that any engine can give.

A `FaceMatcher` turns pictures into `FaceReading` values; whether a reading is good enough, and whether two
people are one, is decided by the pure rules in `proctoring.rules.faces`, never by the engine.

Vocabulary: *frame* is one camera picture; *burst* is the two or three frames of one check; *chip* is the face
cut out, turned upright and scaled; *embedding* is the vector an encoder gives for a chip; *template* is the mean
embedding of a trainee's enrolment photos; *turn* is how far the nose stands from the middle between the eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


@unique
class QualityIssue(StrEnum):
    """A reason why a picture cannot be used; `advice` tells the person what to do about it."""

    UNSUPPORTED = "unsupported"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    DAMAGED = "damaged"
    NO_FACE = "no_face"
    MANY_FACES = "many_faces"
    TOO_FAR = "too_far"
    TOO_CLOSE = "too_close"
    OFF_CENTER = "off_center"
    TURNED = "turned"
    TILTED = "tilted"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"

    @property
    def advice(self) -> str:
        """One Chinese sentence for the person in front of the camera."""
        return _ADVICE[self]


_ADVICE = {
    QualityIssue.UNSUPPORTED: "这个文件不是照片，请用本页面的相机拍摄，或选择 JPG、PNG、WebP 格式的照片。",
    QualityIssue.TOO_MANY_BYTES: "照片文件太大，请选择 5 MB 以内的照片，或用本页面的相机重新拍摄。",
    QualityIssue.TOO_MANY_PIXELS: "照片尺寸太大，请用本页面的相机重新拍摄。",
    QualityIssue.DAMAGED: "照片不完整，可能是网络中断造成的，请重新拍摄。",
    QualityIssue.NO_FACE: "没有看到人脸，请正对镜头，露出整张脸，摘下口罩和墨镜。",
    QualityIssue.MANY_FACES: "画面里不止一张脸，请让其他人离开画面后再拍。",
    QualityIssue.TOO_FAR: "离镜头太远，请靠近一些，让脸占画面宽度的三分之一左右。",
    QualityIssue.TOO_CLOSE: "离镜头太近，请后退一些，让整张脸都在画面里。",
    QualityIssue.OFF_CENTER: "脸偏到画面边上了，请把脸移到画面中间。",
    QualityIssue.TURNED: "脸转得太偏，请正对镜头，看着屏幕。",
    QualityIssue.TILTED: "头歪得太多，请把头或手机摆正。",
    QualityIssue.TOO_DARK: "光线太暗，请打开灯，或面向窗户。",
    QualityIssue.TOO_BRIGHT: "光线太亮，请避开强光，不要让灯直照脸部。",
    QualityIssue.BLURRED: "画面模糊，请拿稳手机，擦干净镜头后再拍。",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """Identify an engine, so that numbers of different engines are never compared.

    Attributes:
        name: Stable name, such as ``dlib-onnx``.
        version: Changes whenever the same picture may give another embedding.
        model_sha256: Hash of the encoder file that really ran, in hex.
        dimension: Length of an embedding.
    """

    name: str
    version: str
    model_sha256: str
    dimension: int

    def matches(self, other: Engine) -> bool:
        """Tell whether embeddings of both engines may be compared."""
        return (self.name, self.version, self.dimension) == (other.name, other.version, other.dimension)


@dataclass(frozen=True, slots=True)
class Embedding:
    """Hold one face vector as bytes: hashable, comparable, ready for encryption, never printed.

    Attributes:
        data: Little-endian float32 values, four bytes each.
    """

    data: bytes = field(repr=False)

    @classmethod
    def from_vector(cls, vector: NDArray[np.floating]) -> Self:
        """Take over a one-dimensional array."""
        return cls(np.ascontiguousarray(vector, dtype="<f4").tobytes())

    @property
    def dimension(self) -> int:
        """Number of values."""
        return len(self.data) // 4

    def vector(self) -> Vector:
        """Give the values as a read-only float32 array of shape (dimension,)."""
        return np.frombuffer(self.data, dtype="<f4")

    def distance_to(self, other: Embedding) -> float:
        """Give the Euclidean distance; 0 is the same vector."""
        return float(np.linalg.norm(self.vector() - other.vector()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """Give a rectangle in pixels of the upright picture; it may reach over the edge."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Face:
    """Describe the largest face of a picture as measured; what is good enough is decided elsewhere.

    Attributes:
        box: Where the face is.
        turn: Nose position between the eyes: 0 is straight, -1 and 1 are the outer corners of the eyes;
            positive towards the right edge of the picture, which is the person's own left.
        roll_deg: Slope of the line through the eyes in degrees, positive clockwise.
        sharpness: Strength of fine detail in the chip relative to its contrast; 0.1 is out of focus, 0.5 sharp.
        brightness: Mean grey value of the chip, 0 to 255.
        bright_share: Share of burnt-out pixels in the chip, 0 to 1.
        embedding: Encoder's vector, the mean over the chip and the mirrored chip.
    """

    box: Box
    turn: float
    roll_deg: float
    sharpness: float
    brightness: float
    bright_share: float
    embedding: Embedding


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceReading:
    """What an engine saw in one readable picture.

    Attributes:
        sha256: Hash of the bytes as received, in hex.
        width: Width of the upright picture as encoded, in pixels.
        height: Height of the upright picture as encoded, in pixels.
        face_count: Faces found.
        face: The largest face; None exactly when there is none.
        brightness: Mean grey value of the whole picture, 0 to 255: it tells why no face was found.
    """

    sha256: str
    width: int
    height: int
    face_count: int
    face: Face | None
    brightness: float = 128.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """A picture that could not be read at all.

    Attributes:
        sha256: Hash of the bytes as received, in hex.
        issue: What is wrong with it.
    """

    sha256: str
    issue: QualityIssue


class FaceMatcher(Protocol):
    """Turn pictures into readings. Thread-safe; results keep the order of the frames.

    Clauses:
        CC-4.1.3a, CC-5.3.3c.
    """

    @property
    def engine(self) -> Engine:
        """What computes the embeddings."""
        ...

    def read(
        self, frames: Sequence[bytes], *, deadline_s: float, thorough: bool = False
    ) -> list[FaceReading | Rejection]:
        """Read each picture (JPEG, PNG or WebP).

        Args:
            frames: Encoded pictures.
            deadline_s: Seconds from now after which nobody waits for the answer.
            thorough: Search for small faces of further people even when a large face was found; takes about
                twice as long. Meant for snapshots whose number of faces is recorded.

        Raises:
            Unavailable: The engine is overloaded, out of order, or the deadline has passed.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceTemplate:
    """What is kept of a trainee's enrolment photos; encrypt `embedding` before it is stored.

    Attributes:
        embedding: Mean over the photos.
        photos_averaged: How many photos went into the mean.
        engine: What computed it; another engine's frames cannot be compared with it.

    Clauses:
        CC-A2-4.2.
    """

    embedding: Embedding
    photos_averaged: int
    engine: Engine


@unique
class Outcome(StrEnum):
    """What the comparison says; people may decide otherwise, on either side."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    UNSURE = "unsure"


@unique
class Reason(StrEnum):
    """Why an outcome is not a plain match, besides the quality of single pictures."""

    DISTANT = "distant"
    NEAR_LIMIT = "near_limit"
    TOO_FEW_FRAMES = "too_few_frames"
    FRAMES_DISAGREE = "frames_disagree"
    IDENTICAL_FRAMES = "identical_frames"
    REPLAYED_FRAME = "replayed_frame"
    OTHER_ENGINE = "other_engine"
    NO_PAUSE = "no_pause"
    NO_HEAD_TURN = "no_head_turn"

    @property
    def advice(self) -> str:
        """One Chinese sentence for the person in front of the camera."""
        return _REASON_ADVICE[self]


_REASON_ADVICE = {
    Reason.DISTANT: "与登记的照片不像同一个人，请确认是本人，正对镜头、光线充足时再拍一次。",
    Reason.NEAR_LIMIT: "系统无法确定是否本人，已留给工作人员查看；您也可以换到光线好的地方再拍一次。",
    Reason.TOO_FEW_FRAMES: "能用的照片不够，请正对镜头、保持片刻，再拍一次。",
    Reason.FRAMES_DISAGREE: "几张照片不像同一个人，请确保从头到尾只有本人在镜头前，再拍一次。",
    Reason.IDENTICAL_FRAMES: "几张照片完全相同，不像是相机实时拍摄的，请用本页面的相机再拍一次。",
    Reason.REPLAYED_FRAME: "这张照片以前用过，请用本页面的相机现场拍摄。",
    Reason.OTHER_ENGINE: "人脸识别程序已更新，请重新登记人脸照片，这次打卡由工作人员查看。",
    Reason.NO_PAUSE: "几张照片拍得太快，请每张之间停一两秒。",
    Reason.NO_HEAD_TURN: "几张照片角度都一样，请拍其中一两张时把头稍微向左、向右转一点。",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The result of comparing one burst with one template, with all that is needed to repeat it.

    Attributes:
        outcome: Pass, fail or unsure.
        distance: Distance of the means; None when nothing could be compared.
        threshold: Largest distance that passes; None when nothing could be compared.
        threshold_version: Table the threshold comes from.
        frames_averaged: Usable frames of the burst.
        templates_averaged: Enrolment photos in the template.
        engine: What computed the embeddings.
        reasons: Why it is not a plain match; empty for a pass.
        issues: What was wrong with single frames, most frequent first; a pass may have some.

    Clauses:
        CC-5.3.3c, CC-A2-4.7.
    """

    outcome: Outcome
    distance: float | None
    threshold: float | None
    threshold_version: str
    frames_averaged: int
    templates_averaged: int
    engine: Engine
    reasons: tuple[Reason, ...]
    issues: tuple[QualityIssue, ...]

    @property
    def advice(self) -> str | None:
        """The one Chinese sentence to show; None after a pass."""
        if self.outcome is Outcome.PASS:
            return None
        if self.distance is None and self.issues:
            return self.issues[0].advice
        return self.reasons[0].advice if self.reasons else None

    def facts(self) -> dict[str, str | int | list[str] | None]:
        """Give the verdict as a ledger payload: whole numbers only, distances in ten-thousandths."""
        return {
            "outcome": self.outcome.value,
            "distance_e4": _e4(self.distance),
            "threshold_e4": _e4(self.threshold),
            "threshold_version": self.threshold_version,
            "frames_averaged": self.frames_averaged,
            "templates_averaged": self.templates_averaged,
            "engine": self.engine.name,
            "engine_version": self.engine.version,
            "model_sha256": self.engine.model_sha256,
            "reasons": [reason.value for reason in self.reasons],
            "issues": [issue.value for issue in self.issues],
        }


def _e4(distance: float | None) -> int | None:
    return None if distance is None else round(distance * 10_000)
