"""Short films made on the spot."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def make_film(
    path: Path,
    *,
    seconds: int = 4,
    size: tuple[int, int] = (1280, 720),
    container: str = "mp4",
    video: str = "libx264",
    audio: str | None = "aac",
    loudness: float = 0.3,
    black: bool = False,
    fps: int = 5,
    audio_seconds: int | None = None,
) -> Path:
    """Write a film of a moving bar with a tone."""
    width, height = size
    with av.open(str(path), "w", format=container) as out:
        pictures = out.add_stream(video, rate=fps)
        pictures.width, pictures.height, pictures.pix_fmt = width, height, "yuv420p"
        if video == "libx264":
            pictures.options = {"preset": "ultrafast", "g": str(fps)}
        sound = out.add_stream(audio, rate=44_100, layout="mono") if audio else None
        for number in range(seconds * fps):
            image = np.full((height, width, 3), 0 if black else 120, np.uint8)
            if not black:
                image[:, (number * 40) % width : (number * 40) % width + 40] = 250
            for packet in pictures.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                out.mux(packet)
        for packet in pictures.encode():
            out.mux(packet)
        if sound is not None:
            _tone(out, sound, seconds if audio_seconds is None else audio_seconds, loudness)
    return path


def _tone(out, sound, seconds: int, loudness: float) -> None:
    size = sound.codec_context.frame_size or 1024
    form = sound.codec_context.format.name
    for start in range(0, seconds * 44_100, size):
        at = (np.arange(size) + start) / 44_100
        wave = (np.sin(2 * np.pi * 440 * at) * loudness).astype(np.float32)[None, :]
        samples = wave if form.startswith("flt") else (wave * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format=form, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, start, Fraction(1, 44_100)
        for packet in sound.encode(frame):
            out.mux(packet)
    for packet in sound.encode():
        out.mux(packet)
