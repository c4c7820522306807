"""Measure a face check from JPEG to verdict against the bare engine and against face_recognition.

Run ``python -m bench.faces`` on an otherwise idle machine. All work on the same 640x480 camera pictures, taking
turns every ten pictures, so that a disturbance hits all of them; medians are printed with the quarter above and below.

Goals: the whole check takes at most 1.25 times the bare engine (decode, detect at reduced size, five points,
encoder, called one after the other in one function), and is at least 10 times faster than face_recognition as
its README shows it. The bare engine encodes chip and mirror image like the product; a second line leaves the
mirror image out, which loses accuracy.
"""

from __future__ import annotations

import argparse
import functools
import io
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
import onnxruntime

from proctoring.adapters.dlib_onnx import DlibOnnxMatcher
from proctoring.adapters.encoder_onnx import ensure_encoder, models_folder
from proctoring.adapters.face_pool import FacePool
from proctoring.ports import FaceMatcher, FaceTemplate, Outcome
from proctoring.rules.faces import EnrolmentPhoto, enrol, verify
from tests import photos
from tests.proctoring.adapters.reference import face_recognition

GOAL_OVERHEAD = 1.25
GOAL_SPEEDUP = 10.0
TURN = 10


class BareEngine:
    """The libraries called one after the other, with nothing around them."""

    def __init__(self, encoder_path: Path, *, mirror: bool) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(encoder_path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._detect = dlib.get_frontal_face_detector()
        self._predict = dlib.shape_predictor(str(models_folder() / "shape_predictor_5_face_landmarks.dat"))
        self._mirror = mirror

    def distance(self, frame: bytes, template: np.ndarray[Any, Any]) -> float:
        """Compare one picture with a vector."""
        rgb = cv2.imdecode(np.frombuffer(frame, np.uint8), cv2.IMREAD_COLOR_RGB)
        gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        (box, *_) = self._detect(cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 0)
        full = dlib.rectangle(box.left() * 2, box.top() * 2, box.right() * 2, box.bottom() * 2)
        chip = dlib.get_face_chip(rgb, self._predict(rgb, full), 150, 0.25)
        chips = np.stack([chip, chip[:, ::-1]]) if self._mirror else chip[None]
        (embeddings,) = self._session.run(None, {"chips": chips})
        return float(np.linalg.norm(embeddings.mean(axis=0) - template))


def documented(package: Any, frame: bytes, known: np.ndarray[Any, Any]) -> bool:
    """Compare one picture as the README of face_recognition does."""
    image = package.load_image_file(io.BytesIO(frame))
    (encoding, *_) = package.face_encodings(image)
    return bool(package.compare_faces([known], encoding)[0])


def make_template(matcher: FaceMatcher) -> FaceTemplate:
    """Enrol the person on the pictures."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    readings = matcher.read(photos.enrolment("obama"), deadline_s=60)
    shots = [EnrolmentPhoto(reading, start + timedelta(seconds=2 * i)) for i, reading in enumerate(readings)]
    template = enrol(shots, engine=matcher.engine).template
    if template is None:
        raise SystemExit("the enrolment pictures were refused")
    return template


def check(matcher: FaceMatcher, frames: list[bytes], template: FaceTemplate) -> None:
    """Do one whole check and insist on the right answer."""
    readings = matcher.read(frames, deadline_s=60)
    verdict = verify(readings, template=template, engine=matcher.engine, min_frames=1)
    if verdict.outcome is not Outcome.PASS:
        raise SystemExit(f"wrong verdict: {verdict.facts()}")


def in_turns(rivals: dict[str, Callable[[bytes], object]], frames: list[bytes]) -> dict[str, list[float]]:
    """Time each rival on each frame, in seconds; they take turns every ten frames, as a busy server works."""
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for first in range(0, len(frames), TURN):
        for name, run in rivals.items():
            for frame in frames[first : first + TURN]:
                start = time.perf_counter()
                run(frame)
                times[name].append(time.perf_counter() - start)
    return times


def show(name: str, seconds: list[float]) -> float:
    """Print the median in milliseconds with the quartiles, and give it in seconds."""
    low, middle, high = statistics.quantiles(seconds, n=4)
    print(f"  {name:58} {middle * 1e3:7.1f} ms   ({low * 1e3:.1f} to {high * 1e3:.1f}, n={len(seconds)})")
    return middle


def throughput(pool: FacePool, template: FaceTemplate, *, callers: int, checks: int) -> float:
    """Give checks of three frames per second through the pool."""
    burst = photos.burst("obama")
    with ThreadPoolExecutor(callers) as threads:
        start = time.perf_counter()
        list(threads.map(lambda _: check(pool, burst, template), range(checks)))
        return checks / (time.perf_counter() - start)


def report(ratio: float, *, goal: float, at_most: bool) -> str:
    """Say whether a goal is met."""
    is_met = ratio <= goal if at_most else ratio >= goal
    return f"{ratio:6.2f}   goal {'<=' if at_most else '>='} {goal:g}   {'met' if is_met else 'MISSED'}"


def main() -> None:
    """Run all comparisons and print them."""
    options = argparse.ArgumentParser(description="Measure a face check from JPEG to verdict.")
    options.add_argument("--rounds", type=int, default=50)
    arguments = options.parse_args()
    encoder = Path(tempfile.gettempdir()) / f"bench-encoder-{os.getpid()}.onnx"
    ensure_encoder(encoder)
    cv2.setNumThreads(1)
    frames = [photos.camera_frame("obama", moment_s=0.1 * index) for index in range(arguments.rounds)]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"dlib {dlib.__version__}, onnxruntime {onnxruntime.__version__}, OpenCV {cv2.__version__}")
    print(f"640x480 JPEG of {len(frames[0]) // 1000} KB, one face of {photos._FACE_WIDTH:.0f} pixels\n")  # noqa: SLF001

    inline = DlibOnnxMatcher(encoder)
    template = make_template(inline)
    vector = template.embedding.vector()
    bare, single = BareEngine(encoder, mirror=True), BareEngine(encoder, mirror=False)
    package = face_recognition()
    (known,) = package.face_encodings(package.load_image_file(str(photos.path("obama"))))
    with FacePool(functools.partial(DlibOnnxMatcher, encoder), workers=1) as pool:
        pool.wait_ready()
        ours = lambda frame: check(pool, [frame], template)  # noqa: E731 - one line of a table
        rivals: dict[str, Callable[[bytes], object]] = {
            "whole check: pool, quality, verdict": ours,
            "the same without the pool": lambda frame: check(inline, [frame], template),
            "bare engine": lambda frame: bare.distance(frame, vector),
            "bare engine without the mirror image": lambda frame: single.distance(frame, vector),
            "face_recognition as documented": lambda frame: documented(package, frame, known),
        }
        in_turns(rivals, frames[:3])
        times = in_turns(rivals, frames)
    print("One picture, JPEG to verdict, median (quartiles):")
    medians = {name: show(name, seconds) for name, seconds in times.items()}
    theirs = medians["face_recognition as documented"]
    mine = medians["whole check: pool, quality, verdict"]
    print("\nRatios of the medians:")
    print(
        "  whole check / bare engine            ",
        report(mine / medians["bare engine"], goal=GOAL_OVERHEAD, at_most=True),
    )
    without = medians["bare engine without the mirror image"]
    print(f"  whole check / bare, no mirror image    {mine / without:6.2f}   (loses accuracy; no goal)")
    print("  face_recognition / whole check       ", report(theirs / mine, goal=GOAL_SPEEDUP, at_most=False))

    print("\nChecks of three pictures per second through the pool:")
    for workers in (1, os.cpu_count() or 1):
        with FacePool(functools.partial(DlibOnnxMatcher, encoder), workers=workers, max_waiting=64) as pool:
            while pool.status.ready < workers:
                time.sleep(0.05)
            rate = throughput(pool, template, callers=2 * workers, checks=40)
        print(f"  {workers} worker(s): {rate:.1f} checks/s ({rate * 3:.0f} pictures/s)")
    for leftover in (encoder, encoder.with_name(encoder.name + ".json")):
        leftover.unlink()


if __name__ == "__main__":
    main()
