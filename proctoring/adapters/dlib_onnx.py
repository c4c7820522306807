"""Read faces with dlib's detector and 5-point model and dlib's encoder run by ONNX Runtime.

This is the default engine. It works inside the calling thread; `proctoring.adapters.face_pool` puts it into
processes of its own. Both models are public domain; dlib's 68-point model, whose licence excludes commercial
use, is never opened, and so the package face_recognition, which always opens it, is never imported.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.core.errors import Unavailable
from proctoring.adapters.encoder_onnx import CHIP_SIZE, DIMENSION, ensure_encoder, models_folder
from proctoring.adapters.image_header import ImageHeader, read_header
from proctoring.ports import Box, Embedding, Engine, Face, FaceReading, QualityIssue, Rejection, Vector

Pixels = NDArray[Any]

ENGINE_NAME = "dlib-onnx"
ENGINE_VERSION = "1"

# Longer side of the copies that are searched, in pixels; see Note [Why the search goes in steps].
_SEARCH_SIDES = (320, 480, 640, 1280)
_THOROUGH_SIDE = 640
_CHIP_PADDING = 0.25
# Detections below this are often patterns in the background: they count only where nothing clearer is found.
_CLEAR_SCORE = 0.3
_BURNT_OUT = 250
_SHARPNESS_SIDE = 75


@dataclass(frozen=True, slots=True)
class _Picture:
    """A decoded RGB picture and the size it has when decoded in full."""

    rgb: Pixels
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Found:
    """Faces of one picture: how many, and of the largest dlib's score and rectangle in the decoded picture."""

    count: int
    score: float
    largest: Any


_NOTHING = _Found(0, 0.0, None)


class DlibOnnxMatcher:
    """The default `FaceMatcher`; loads its models in the constructor (0.3 s, about 200 MB with libraries).

    Args:
        encoder_path: Where the converted encoder lies or is to be written.
    """

    def __init__(self, encoder_path: Path) -> None:
        model_sha256 = ensure_encoder(encoder_path)
        cv2.setNumThreads(1)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(encoder_path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._detector = dlib.get_frontal_face_detector()
        self._five_points = dlib.shape_predictor(str(models_folder() / "shape_predictor_5_face_landmarks.dat"))
        self._engine = Engine(name=ENGINE_NAME, version=ENGINE_VERSION, model_sha256=model_sha256, dimension=DIMENSION)

    @property
    def engine(self) -> Engine:
        """What computes the embeddings."""
        return self._engine

    def read(
        self, frames: Sequence[bytes], *, deadline_s: float, thorough: bool = False
    ) -> list[FaceReading | Rejection]:
        """Read each picture in turn; see `FaceMatcher.read`."""
        end = time.monotonic() + deadline_s
        readings: list[FaceReading | Rejection] = []
        for frame in frames:
            if time.monotonic() > end:
                raise Unavailable("人脸比对没有在规定时间内完成，请稍后再试。")
            readings.append(self.read_frame(frame, thorough=thorough))
        return readings

    def read_frame(self, frame: bytes, *, thorough: bool = False) -> FaceReading | Rejection:
        """Read one picture."""
        sha256 = hashlib.sha256(frame).hexdigest()
        picture = decode(frame)
        if isinstance(picture, QualityIssue):
            return Rejection(sha256=sha256, issue=picture)
        gray = cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY)
        found = self._find_faces(gray, thorough=thorough)
        return FaceReading(
            sha256=sha256,
            width=picture.width,
            height=picture.height,
            face_count=found.count,
            face=self._measure(picture, found.largest) if found.count else None,
            brightness=float(cv2.mean(gray)[0]),
        )

    def encode(self, chips: Pixels) -> NDArray[np.float32]:
        """Encode chips of shape (N, 150, 150, 3), RGB, into embeddings of shape (N, 128)."""
        (embeddings,) = self._session.run(None, {"chips": chips})
        result: NDArray[np.float32] = embeddings
        return result

    def _find_faces(self, gray: Pixels, *, thorough: bool) -> _Found:
        longest = max(gray.shape)
        best = _NOTHING
        for side in _SEARCH_SIDES:
            scale = min(1.0, side / longest)
            found = self._search(gray, scale)
            best = max(best, found, key=lambda each: (each.count, each.score))
            is_enough = found.score >= _CLEAR_SCORE and (side >= _THOROUGH_SIDE or not thorough)
            if is_enough or scale >= 1.0:
                break
        return best

    def _search(self, gray: Pixels, scale: float) -> _Found:
        small = gray if scale >= 1.0 else cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        boxes, scores, _ = self._detector.run(small, 0, 0.0)
        if not boxes:
            return _NOTHING
        pairs = sorted(zip(scores, boxes, strict=True), key=lambda pair: pair[0], reverse=True)
        clear = [pair for pair in pairs if pair[0] >= _CLEAR_SCORE] or pairs[:1]
        score, largest = max(clear, key=lambda pair: pair[1].area())
        edges = (largest.left(), largest.top(), largest.right(), largest.bottom())
        return _Found(len(clear), float(score), dlib.rectangle(*(round(edge / scale) for edge in edges)))

    def _measure(self, picture: _Picture, rectangle: Any) -> Face:
        shape = self._five_points(picture.rgb, rectangle)
        chip = dlib.get_face_chip(picture.rgb, shape, CHIP_SIZE, _CHIP_PADDING)
        turn, roll_deg = head_pose(np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64))
        gray = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
        enlargement = picture.width / picture.rgb.shape[1]
        edges = (rectangle.left(), rectangle.top(), rectangle.width(), rectangle.height())
        left, top, width, height = (round(edge * enlargement) for edge in edges)
        return Face(
            box=Box(left=left, top=top, width=width, height=height),
            turn=turn,
            roll_deg=roll_deg,
            sharpness=sharpness(gray),
            brightness=float(gray.mean()),
            bright_share=float((gray >= _BURNT_OUT).mean()),
            embedding=Embedding.from_vector(self.encode_chip(chip)),
        )

    def encode_chip(self, chip: Pixels) -> Vector:
        """Encode one chip of shape (150, 150, 3) as the mean over itself and its mirror image."""
        pair = np.stack([chip, chip[:, ::-1]])
        mean: Vector = self.encode(pair).mean(axis=0)
        return mean


def decode(data: bytes) -> _Picture | QualityIssue:
    """Decode a JPEG, PNG or WebP upright, large ones at reduced size; or say why it cannot be used."""
    header = read_header(data)
    if isinstance(header, QualityIssue):
        return header
    try:
        rgb = cv2.imdecode(np.frombuffer(data, np.uint8), _decode_flag(header))
    except cv2.error:
        return QualityIssue.DAMAGED
    if rgb is None:
        return QualityIssue.DAMAGED
    is_landscape = rgb.shape[1] >= rgb.shape[0]
    short, long = sorted((header.width, header.height))
    width, height = (long, short) if is_landscape else (short, long)
    return _Picture(rgb, width, height)


def _decode_flag(header: ImageHeader) -> int:
    """Choose the largest reduction that leaves at least 1280 pixels on the longer side."""
    longest = max(header.width, header.height)
    for factor, reduction in (
        (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
        (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
        (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
    ):
        if longest >= factor * _SEARCH_SIDES[-1]:
            return int(reduction) | int(cv2.IMREAD_COLOR_RGB)  # the colour flag overrides the grey one
    return int(cv2.IMREAD_COLOR_RGB)


def head_pose(points: NDArray[np.float64]) -> tuple[float, float]:
    """Measure turn and roll from dlib's five points: outer and inner corner of each eye, then the nose.

    Args:
        points: Shape (5, 2), x and y in pixels; dlib lists the eye on the picture's right side first.

    Returns:
        Turn (0 straight, 1 when the nose stands at the middle of the right-hand eye) and roll in degrees.
    """
    right_eye, left_eye, nose = points[0:2].mean(axis=0), points[2:4].mean(axis=0), points[4]
    axis = right_eye - left_eye
    half = float(np.hypot(*axis)) / 2 or 1.0
    unit = axis / (2 * half)
    turn = float((nose - (left_eye + right_eye) / 2) @ unit) / half
    return turn, math.degrees(math.atan2(axis[1], axis[0]))


def sharpness(gray: Pixels) -> float:
    """Measure fine detail relative to contrast: standard deviation of the Laplacian over that of the picture.

    Measured at half the size of a chip, where the blocks of a strong JPEG compression do not pass for detail.
    """
    small = cv2.resize(gray, (_SHARPNESS_SIDE, _SHARPNESS_SIDE), interpolation=cv2.INTER_AREA)
    contrast = float(small.std())
    return float(cv2.Laplacian(small, cv2.CV_32F).std()) / contrast if contrast else 0.0


# Note [Why the search goes in steps]
# dlib's detector finds faces of about 75 pixels and more, and its time grows with the area of the picture (6 ms at
# 320x240, 20 ms at 640x480). A person who sits before a camera fills a quarter of the picture or more, so a copy of
# 320 pixels is searched first, and larger ones only while nothing is found. Alignment and encoding always use the
# decoded picture.
