"""Photos of faces for tests, benchmarks and the demonstration, fetched once and never committed.

They come from the test folder of the source package face_recognition 1.3.0 on PyPI (MIT; official portraits of
two US presidents), are checked against their hash, and lie in ``var/test-photos``; afterwards no network is
needed. Run ``python -m tests.photos`` to fetch them, ``python -m tests.photos obama out.mjpeg`` for a camera clip.

This module knows nothing of pytest: the demonstration uses it for its cameras too.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from proctoring.adapters.encoder_onnx import models_folder

Pixels = NDArray[Any]

FOLDER = Path(__file__).resolve().parents[1] / "var" / "test-photos"
PACKAGE = "face_recognition==1.3.0"
ARCHIVE = "face_recognition-1.3.0.tar.gz"
ARCHIVE_SHA256 = "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
NAMES = ("obama", "obama2", "obama3", "biden", "obama_partial_face", "obama_partial_face2")

# Photos of one person, taken years apart.
PEOPLE = {"obama": ("obama", "obama2", "obama3"), "biden": ("biden",)}

FRAME_WIDTH, FRAME_HEIGHT = 640, 480
FPS = 30
_FACE_WIDTH = 190.0


class PhotosUnavailableError(RuntimeError):
    """The photos are not there and cannot be fetched."""


# ---- fetching


def ensure() -> Path:
    """Make sure the photos are in `FOLDER`, fetching them when they are not; give the folder."""
    if all((FOLDER / f"{name}.jpg").is_file() for name in NAMES):
        return FOLDER
    FOLDER.mkdir(parents=True, exist_ok=True)
    archive = FOLDER / ARCHIVE
    if not archive.is_file() or _sha256(archive) != ARCHIVE_SHA256:
        _download(archive)
    with tarfile.open(archive) as package:
        for name in NAMES:
            member = package.extractfile(f"face_recognition-1.3.0/tests/test_images/{name}.jpg")
            if member is None:
                raise PhotosUnavailableError(f"{name}.jpg is missing in {ARCHIVE}")
            part = FOLDER / f".{name}.{os.getpid()}"
            part.write_bytes(member.read())
            part.replace(FOLDER / f"{name}.jpg")
    return FOLDER


def path(name: str) -> Path:
    """Give the path of a photo by its name, such as ``obama2``."""
    if name not in NAMES:
        raise KeyError(name)
    return ensure() / f"{name}.jpg"


def data(name: str) -> bytes:
    """Give the bytes of a photo by its name."""
    return path(name).read_bytes()


def _download(archive: Path) -> None:
    """Let pip fetch the source package; pip itself refuses another hash before it runs anything."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(f"{PACKAGE} --hash=sha256:{ARCHIVE_SHA256}\n", encoding="utf-8")
        options = ["download", "--no-deps", "--no-binary", ":all:", "--require-hashes", "-r", str(wanted)]
        problems = []
        for pip in _pips():
            done = subprocess.run(
                [*pip, *options, "-d", scratch], capture_output=True, text=True, check=False, timeout=300
            )
            if done.returncode == 0:
                break
            problems.append(f"{' '.join(pip)}: {done.stderr.strip()[-300:]}")
        fetched = Path(scratch) / ARCHIVE
        if not fetched.is_file() or _sha256(fetched) != ARCHIVE_SHA256:
            raise PhotosUnavailableError(
                f"cannot fetch {PACKAGE}; fetch {ARCHIVE} by hand into {FOLDER}. Tried: " + "; ".join(problems)
            )
        part = archive.with_suffix(".part")
        shutil.copyfile(fetched, part)
        part.replace(archive)


def _pips() -> list[list[str]]:
    """List the ways to call pip: of this environment, on the path, through uv."""
    found = [[sys.executable, "-m", "pip"]]
    found += [[tool] for name in ("pip", "pip3") if (tool := shutil.which(name))]
    if uv := shutil.which("uv"):
        found.append([uv, "tool", "run", "pip"])
    return found


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


# ---- camera pictures


@dataclass(frozen=True)
class _Subject:
    """A photo and where its face is, in pixels of the photo."""

    pixels: Pixels
    center: tuple[float, float]
    face_width: float
    nose: tuple[float, float]
    half_eyes: float


def camera_frame(photo: str | Path, *, moment_s: float = 0.0, turn: float = 0.0) -> bytes:
    """Give a 640x480 JPEG as a camera would take it of the person on the photo.

    The same arguments give the same bytes; other moments differ by small movements and noise.

    Args:
        photo: Name or path of a photo with one face.
        moment_s: Seconds since the camera was switched on.
        turn: Head turn to imitate by bending the picture, on top of the photo's own, -0.3 to 0.3.
    """
    return _jpeg(_camera_pixels(_subject(str(photo)), moment_s, turn))


def burst(photo: str | Path, count: int = 3, *, start_s: float = 0.0) -> list[bytes]:
    """Give camera frames of one person taken a second apart."""
    return [camera_frame(photo, moment_s=start_s + index) for index in range(count)]


def enrolment(photo: str | Path = "obama") -> list[bytes]:
    """Give three camera frames of one person with small head turns, as enrolment asks for."""
    return [camera_frame(photo, moment_s=index * 2.0, turn=turn) for index, turn in enumerate((0.0, -0.15, 0.15))]


def make_camera_clip(
    photos: str | Path | list[str | Path], out: Path, *, duration_s: float = 8.0, turn: float = 0.3
) -> Path:
    """Write a 640x480 clip for Chromium's ``--use-file-for-fake-video-capture``, which plays it in a loop.

    The photos are shown one after the other, each while the head turns slowly to both sides and back.

    Args:
        photos: Name or path of a photo with one face, or several of one person.
        out: Ends in ``.mjpeg``; its folder is made.
        duration_s: Length of the loop.
        turn: How far the head turns to each side; 0.3 is a clear turn.
    """
    subjects = [_subject(str(photo)) for photo in (photos if isinstance(photos, list) else [photos])]
    count = round(duration_s * FPS)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    with part.open("wb") as clip:
        for index in range(count):
            place = index * len(subjects) / count
            bend = turn * math.sin(2 * math.pi * place)
            clip.write(_jpeg(_camera_pixels(subjects[int(place)], index / FPS, bend)))
    part.replace(out)
    return out


def _camera_pixels(subject: _Subject, moment_s: float, turn: float) -> Pixels:
    zoom = _FACE_WIDTH / subject.face_width * (1 + 0.03 * math.sin(moment_s * 1.3))
    matrix = cv2.getRotationMatrix2D(subject.center, 1.5 * math.sin(moment_s * 0.9), zoom)
    matrix[0, 2] += FRAME_WIDTH / 2 + 10 * math.sin(moment_s * 0.7) - subject.center[0]
    matrix[1, 2] += FRAME_HEIGHT / 2 + 6 * math.sin(moment_s * 1.1) - subject.center[1]
    frame: Pixels = cv2.warpAffine(
        subject.pixels, matrix, (FRAME_WIDTH, FRAME_HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    if turn:
        nose = matrix @ np.array([*subject.nose, 1.0])
        frame = _bend(frame, nose, subject.half_eyes * zoom, turn)
    noise = np.random.default_rng(round(moment_s * 1000)).normal(0, 1.5, frame.shape)
    light = 1 + 0.03 * math.sin(moment_s * 0.5)
    return np.clip(frame * light + noise, 0, 255).astype(np.uint8)


def _bend(frame: Pixels, nose: Pixels, half_eyes: float, turn: float) -> Pixels:
    """Shift the middle of the face sideways against the eyes, as a turn of the head does."""
    ys, xs = np.mgrid[0:FRAME_HEIGHT, 0:FRAME_WIDTH].astype(np.float32)
    squared = ((xs - nose[0]) ** 2 + (ys - nose[1]) ** 2) / (0.75 * half_eyes) ** 2
    shift = (turn * half_eyes / 0.7 * np.exp(-squared / 2)).astype(np.float32)
    bent: Pixels = cv2.remap(frame, xs - shift, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return bent


@functools.cache
def _subject(photo: str) -> _Subject:
    import dlib

    file = path(photo) if photo in NAMES else Path(photo)
    pixels = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if pixels is None:
        raise PhotosUnavailableError(f"cannot read {file}")
    scale = min(1.0, 1200 / max(pixels.shape))
    pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    boxes, scores, _ = dlib.get_frontal_face_detector().run(gray, 0, 0.0)
    if not boxes:
        raise PhotosUnavailableError(f"no face on {file}")
    box = max(zip(scores, boxes, strict=True), key=lambda pair: pair[0])[1]
    shape = dlib.shape_predictor(str(models_folder() / "shape_predictor_5_face_landmarks.dat"))(gray, box)
    points = np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64)
    eyes = points[0:2].mean(axis=0) - points[2:4].mean(axis=0)
    return _Subject(
        pixels=pixels,
        center=(box.center().x, box.center().y),
        face_width=box.width(),
        nose=(points[4][0], points[4][1]),
        half_eyes=float(np.hypot(*eyes)) / 2,
    )


# ---- pictures as they should not be


def darkened(image: bytes, *, factor: float = 0.1) -> bytes:
    """Give the picture as taken in a dark room."""
    return _jpeg((_pixels(image) * factor).astype(np.uint8))


def brightened(image: bytes, *, factor: float = 2.2) -> bytes:
    """Give the picture as burnt out by strong light."""
    return _jpeg(np.clip(_pixels(image) * factor, 0, 255).astype(np.uint8))


def blurred(image: bytes, *, sigma: float = 7.0) -> bytes:
    """Give the picture out of focus."""
    return _jpeg(cv2.GaussianBlur(_pixels(image), (0, 0), sigma))


def shifted(image: bytes, *, right_px: int) -> bytes:
    """Give the picture with the camera pointing aside."""
    matrix = np.array([[1, 0, right_px], [0, 1, 0]], dtype=np.float64)
    return _jpeg(cv2.warpAffine(_pixels(image), matrix, (FRAME_WIDTH, FRAME_HEIGHT)))


def tilted(image: bytes, *, degrees: float = 30.0) -> bytes:
    """Give the picture with the head on the shoulder."""
    matrix = cv2.getRotationMatrix2D((FRAME_WIDTH / 2, FRAME_HEIGHT / 2), degrees, 1.0)
    return _jpeg(cv2.warpAffine(_pixels(image), matrix, (FRAME_WIDTH, FRAME_HEIGHT)))


def far_away(image: bytes, *, factor: float = 0.35) -> bytes:
    """Give the picture with the person at the far end of the room."""
    small = cv2.resize(_pixels(image), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    canvas = np.full((FRAME_HEIGHT, FRAME_WIDTH, 3), 110, np.uint8)
    top, left = (FRAME_HEIGHT - small.shape[0]) // 2, (FRAME_WIDTH - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return _jpeg(canvas)


def side_by_side(one: bytes, other: bytes) -> bytes:
    """Give one 640x480 picture with both people in it."""
    halves = [_pixels(image)[:, FRAME_WIDTH // 4 : FRAME_WIDTH * 3 // 4] for image in (one, other)]
    return _jpeg(np.hstack(halves))


def rotated(image: bytes) -> bytes:
    """Give the picture lying on its side, with nothing that says so."""
    return _jpeg(cv2.rotate(_pixels(image), cv2.ROTATE_90_COUNTERCLOCKWISE))


def rotated_with_exif(image: bytes) -> bytes:
    """Give the picture lying on its side, with the EXIF note that phones write to have it shown upright."""
    lying = rotated(image)
    tiff = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tiff
    return lying[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + lying[2:]


def truncated(image: bytes) -> bytes:
    """Give the first half of the file."""
    return image[: len(image) // 2]


def as_png(image: bytes) -> bytes:
    """Give the picture as PNG, whatever name it may be sent under."""
    return _encoded(_pixels(image), ".png")


def as_webp(image: bytes) -> bytes:
    """Give the picture as WebP."""
    return _encoded(_pixels(image), ".webp")


def recoded(image: bytes, *, quality: int = 80) -> bytes:
    """Give the same picture saved again."""
    return _jpeg(_pixels(image), quality)


def with_comment(image: bytes, comment: bytes) -> bytes:
    """Give a JPEG of the same pixels in other bytes."""
    return image[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + image[2:]


def enlarged(image: bytes, *, width: int) -> bytes:
    """Give the picture as a phone with many megapixels takes it."""
    pixels = _pixels(image)
    return _jpeg(cv2.resize(pixels, (width, pixels.shape[0] * width // pixels.shape[1])), 70)


def nobody() -> bytes:
    """Give a picture of an empty room."""
    ys, xs = np.mgrid[0:FRAME_HEIGHT, 0:FRAME_WIDTH]
    return _jpeg(np.dstack([xs // 4 + 40, ys // 4 + 60, (xs + ys) // 8 + 50]).astype(np.uint8))


def bomb_png(*, side: int = 20_000) -> bytes:
    """Give a PNG of a few hundred kilobytes that unfolds into more than a gigabyte."""
    rows = zlib.compress(bytes(side * 3 + 1) * 64, 9)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def bomb_jpeg(image: bytes, *, side: int = 60_000) -> bytes:
    """Give a JPEG that claims to be enormous."""
    start = image.index(b"\xff\xc0")
    return image[: start + 5] + struct.pack(">HH", side, side) + image[start + 9 :]


def text_file() -> bytes:
    """Give something that is no picture."""
    return "这不是照片\n".encode() * 100


def _pixels(image: bytes) -> Pixels:
    pixels: Pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    return pixels


def _jpeg(pixels: Pixels, quality: int = 85) -> bytes:
    return _encoded(pixels, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality)


def _encoded(pixels: Pixels, suffix: str, *options: int) -> bytes:
    is_done, encoded = cv2.imencode(suffix, pixels, list(options))
    if not is_done:
        raise PhotosUnavailableError(f"cannot write {suffix}")
    return bytes(encoded.tobytes())


def main(arguments: list[str]) -> int:
    """Fetch the photos; with a person, a path and perhaps seconds write a camera clip."""
    if len(arguments) >= 2:
        duration_s = float(arguments[2]) if len(arguments) > 2 else 8.0
        sys.stdout.write(f"{make_camera_clip(arguments[0], Path(arguments[1]), duration_s=duration_s)}\n")
        return 0
    sys.stdout.write(f"{ensure()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
