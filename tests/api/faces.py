"""A face engine that knows its pictures by name: each picture says in its comment whom it shows."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, UnidentifiedImageError

from app.core.errors import Unavailable
from proctoring.ports import Box, Embedding, Engine, Face, FaceReading, QualityIssue, Rejection
from proctoring.rules.faces import DLIB_THRESHOLDS

SIZE = 320
DIMENSION = 128
NOISE = 0.002
"""Between two pictures of one person: more than the same pixels have, far less than two people have."""


def picture(who: str, *, turn: float = 0.0, number: int = 0, count: int = 1) -> bytes:
    """Draw a picture of `count` people (0 for an empty room), the first being `who`, the head turned by `turn`."""
    shade = hashlib.sha256(f"{who} {turn} {number}".encode()).digest()[:3]
    out = io.BytesIO()
    Image.new("RGB", (SIZE, SIZE), tuple(shade)).save(out, "JPEG", comment=f"{who};{turn};{count}".encode())
    return out.getvalue()


class LabelledFaces:
    """A `FaceMatcher` for pictures made by `picture`; everything else is no picture to it.

    It keeps the promises of the port: same bytes give the same reading, other pictures of the same person lie close
    together, other people far apart. `is_down` makes it refuse work, as an overloaded engine does.
    """

    def __init__(self) -> None:
        self.is_down = False

    @property
    def engine(self) -> Engine:
        return Engine(
            name=DLIB_THRESHOLDS.engine_name,
            version=DLIB_THRESHOLDS.engine_version,
            model_sha256="0" * 64,
            dimension=DIMENSION,
        )

    def read(
        self, frames: Sequence[bytes], *, deadline_s: float, thorough: bool = False
    ) -> list[FaceReading | Rejection]:
        if self.is_down:
            raise Unavailable
        return [self._read(frame) for frame in frames]

    def _read(self, frame: bytes) -> FaceReading | Rejection:
        sha256 = hashlib.sha256(frame).hexdigest()
        try:
            image = Image.open(io.BytesIO(frame))
            who, turn, count = image.info["comment"].decode().split(";")
        except (UnidentifiedImageError, KeyError, ValueError):
            return Rejection(sha256=sha256, issue=QualityIssue.UNSUPPORTED)
        face = Face(
            box=Box(left=90, top=90, width=140, height=140),
            turn=float(turn),
            roll_deg=0.0,
            sharpness=0.6,
            brightness=120.0,
            bright_share=0.0,
            embedding=_embedding(who, sha256),
        )
        return FaceReading(
            sha256=sha256,
            width=image.width,
            height=image.height,
            face_count=int(count),
            face=face if int(count) else None,
        )


def _embedding(who: str, sha256: str) -> Embedding:
    mean = _normal(who)
    return Embedding.from_vector(mean / np.linalg.norm(mean) + NOISE * _normal(sha256))


def _normal(label: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(DIMENSION)
