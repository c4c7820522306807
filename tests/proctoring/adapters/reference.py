"""`face_recognition` as its README shows it, behind the port: what the product's engine is measured against.

It lives with the tests: importing it opens dlib's 68-point model, whose licence excludes commercial use.
"""

from __future__ import annotations

import hashlib
import io
import time
import warnings
from collections.abc import Sequence
from types import ModuleType

import numpy as np

from app.core.errors import Unavailable
from proctoring.adapters.dlib_onnx import head_pose, sharpness
from proctoring.adapters.encoder_onnx import encoder_weights
from proctoring.adapters.image_header import read_header
from proctoring.ports import Box, Embedding, Engine, Face, FaceReading, QualityIssue, Rejection


def face_recognition() -> ModuleType:
    """Import the package; its models package still uses pkg_resources."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        import face_recognition as package
    return package


class ReferenceMatcher:
    """A `FaceMatcher` of nothing but documented calls, with the package's defaults."""

    def __init__(self) -> None:
        self._package = face_recognition()
        self._engine = Engine(
            name="face_recognition",
            version="1.3.0",
            model_sha256=hashlib.sha256(encoder_weights().read_bytes()).hexdigest(),
            dimension=128,
        )

    @property
    def engine(self) -> Engine:
        return self._engine

    def read(
        self, frames: Sequence[bytes], *, deadline_s: float, thorough: bool = False
    ) -> list[FaceReading | Rejection]:
        end = time.monotonic() + deadline_s
        readings = []
        for frame in frames:
            if time.monotonic() > end:
                raise Unavailable
            readings.append(self._read_frame(frame))
        return readings

    def _read_frame(self, frame: bytes) -> FaceReading | Rejection:
        sha256 = hashlib.sha256(frame).hexdigest()
        header = read_header(frame)
        if isinstance(header, QualityIssue):
            return Rejection(sha256=sha256, issue=header)
        image = self._package.load_image_file(io.BytesIO(frame))
        locations = self._package.face_locations(image)
        encodings = self._package.face_encodings(image, locations)
        faces = [self._face(image, where, vector) for where, vector in zip(locations, encodings, strict=True)]
        return FaceReading(
            sha256=sha256,
            width=image.shape[1],
            height=image.shape[0],
            face_count=len(faces),
            face=max(faces, key=lambda face: face.box.width, default=None),
        )

    def _face(self, image, where, vector) -> Face:
        top, right, bottom, left = where
        (marks,) = self._package.face_landmarks(image, [where], model="small")
        points = np.array([*reversed(marks["left_eye"]), *marks["right_eye"], *marks["nose_tip"]], float)
        points = points[[2, 3, 0, 1, 4]]
        turn, roll_deg = head_pose(points)
        gray = image[top:bottom, left:right].mean(axis=2).astype(np.uint8)
        return Face(
            box=Box(left=left, top=top, width=right - left, height=bottom - top),
            turn=turn,
            roll_deg=roll_deg,
            sharpness=sharpness(gray),
            brightness=float(gray.mean()),
            bright_share=float((gray >= 250).mean()),
            embedding=Embedding.from_vector(vector),
        )
