"""Make lesson videos of any length in seconds: real H.264 and AAC, playable and seekable everywhere.

Encoding forty minutes would take minutes. But a slide does not move: each slide is encoded once as one short
group of pictures, the tone once as one short loop, and their packets are written again and again with new times
(Note [Packets are repeated, not encoded]).
"""

from __future__ import annotations

import heapq
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.demo.slides import FONT, Slide, draw_slide

GROUP_S = 10
"""Seconds between two key frames; there is one picture a second."""
RATE = 24_000
"""Audio samples a second."""
FRAME = 1024
"""Samples in one AAC frame."""

_LOOP_FRAMES = 188  # about eight seconds
_CHORDS = ((220.0, 277.2, 329.6), (246.9, 293.7, 370.0), (196.0, 246.9, 293.7), (220.0, 261.6, 329.6))
_LOUDNESS = 0.06  # of full scale, root mean square: -24 dBFS
_X264 = {"preset": "veryfast", "tune": "stillimage", "crf": "30", "bf": "0", "sc_threshold": "0"}


_Wave = NDArray[np.float32]


@dataclass(frozen=True, slots=True, order=True)
class _Sample:
    """One encoded packet at its place: `at` is in seconds, `start` in units of its stream."""

    at: Fraction
    is_tone: bool
    start: int
    data: bytes
    is_key: bool


def make_lesson_video(path: Path, *, title: str, duration_s: int, slides: Sequence[Slide], font: Path = FONT) -> None:
    """Write a lesson video of slides with a quiet tone.

    The container follows the file's ending: ``.mp4`` (index in front) or ``.flv``. The slides share the time
    equally and in order; every ten seconds and at every slide stands a key frame.

    Args:
        path: Where to write; an existing file is replaced.
        title: Title of the lesson, shown on every slide.
        duration_s: Length in seconds; the tone ends within one frame of it.
        slides: At least one slide, and no more than one for each second.
        font: A font file that has Chinese.

    Raises:
        ValueError: There are no slides, or more than seconds.
        FontMissing: The font file does not exist.
    """
    if not 0 < len(slides) <= duration_s:
        raise ValueError("a video needs at least one slide, and at least one second for each")
    pictures = [
        draw_slide(slide, course=title, number=number, count=len(slides), font=font)
        for number, slide in enumerate(slides, start=1)
    ]
    flv = path.suffix == ".flv"
    with (
        av.open(io.BytesIO(_encode_pictures(pictures)), "r") as picture_file,
        av.open(io.BytesIO(_encode_tone()), "r") as tone_file,
        av.open(
            str(path), "w", format="flv" if flv else "mp4", options={} if flv else {"movflags": "faststart"}
        ) as file,
    ):
        file.metadata["title"] = title
        video = file.add_stream_from_template(picture_file.streams.video[0])
        audio = file.add_stream_from_template(tone_file.streams.audio[0])
        shown = _pictures(_packets(picture_file), slides=len(slides), duration_s=duration_s)
        heard = _tones(_packets(tone_file), duration_s=duration_s)
        for sample in heapq.merge(shown, heard):
            packet = av.Packet(sample.data)
            packet.stream = audio if sample.is_tone else video
            packet.time_base = Fraction(1, RATE) if sample.is_tone else Fraction(1)
            packet.pts = packet.dts = sample.start
            packet.duration = FRAME if sample.is_tone else 1
            packet.is_keyframe = sample.is_key
            file.mux(packet)


def make_sorenson_video(path: Path, *, title: str, duration_s: int, slide: Slide, font: Path = FONT) -> None:
    """Write an old-fashioned FLV (Sorenson picture, MP3 tone) that no browser plays; 640 by 360 pixels.

    Unlike `make_lesson_video` it really encodes everything: meant for seconds, not for hours.

    Args:
        path: Where to write; an existing file is replaced.
        title: Title of the lesson.
        duration_s: Length in seconds, at least 1.
        slide: The only slide.
        font: A font file that has Chinese.

    Raises:
        FontMissing: The font file does not exist.
    """
    picture = draw_slide(slide, course=title, number=1, count=1, font=font).resize((640, 360))
    samples = np.resize(_melody(22_050), duration_s * 22_050)
    with av.open(str(path), "w", format="flv") as file:
        video = file.add_stream("flv", rate=5, width=640, height=360, pix_fmt="yuv420p")
        audio = file.add_stream("libmp3lame", rate=22_050, layout="mono", bit_rate=32_000)
        for number in range(duration_s * 5):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        for sound in _sounds(samples, rate=22_050, size=audio.frame_size or 576):
            file.mux(audio.encode(sound))
        file.mux(audio.encode(None))


def _encode_pictures(pictures: Sequence[Image.Image]) -> bytes:
    """Encode each picture as one group of `GROUP_S` frames, a key frame and then nothing new."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=1, width=pictures[0].width, height=pictures[0].height, options=_X264)
        stream.pix_fmt = "yuv420p"
        stream.gop_size = GROUP_S
        stream.thread_count = 1
        for number, picture in enumerate(pictures):
            for second in range(GROUP_S):
                frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
                frame.pts, frame.time_base = number * GROUP_S + second, Fraction(1)
                if second == 0:
                    frame.pict_type = av.video.frame.PictureType.I
                file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()


def _encode_tone() -> bytes:
    """Encode three loops of the melody; the middle one is in a steady state and can be repeated."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=RATE, layout="mono", bit_rate=16_000)
        for sound in _sounds(np.tile(_melody(RATE), 3), rate=RATE, size=FRAME):
            file.mux(stream.encode(sound))
        file.mux(stream.encode(None))
    return target.getvalue()


def _melody(rate: int) -> _Wave:
    """Play four soft chords, silent at both ends; mono samples from -1 to 1, one loop long."""
    length = _LOOP_FRAMES * FRAME * rate // RATE
    time = np.arange(length) / rate
    part = length / len(_CHORDS)
    swell = np.sin(np.pi * (np.arange(length) % part) / part)
    which = np.minimum((np.arange(length) / part).astype(int), len(_CHORDS) - 1)
    pitches = 2 * np.pi * np.asarray(_CHORDS)[which].T
    wave = np.sin(pitches * time).sum(axis=0) * swell
    loud = wave * (_LOUDNESS / np.sqrt(np.mean(wave**2)))
    return np.asarray(loud, dtype=np.float32)


def _sounds(samples: _Wave, *, rate: int, size: int) -> Iterator[av.AudioFrame]:
    for start in range(0, len(samples), size):
        piece = np.ascontiguousarray(samples[start : start + size]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield frame


def _packets(file: av.container.InputContainer) -> list[tuple[bytes, bool]]:
    """List the packets of a file with one stream: their bytes and whether they are key frames."""
    return [(bytes(packet), packet.is_keyframe) for packet in file.demux() if packet.size]


def _pictures(packets: list[tuple[bytes, bool]], *, slides: int, duration_s: int) -> Iterator[_Sample]:
    """Repeat each slide's group until the next slide's turn; a last group may be cut short."""
    for slide in range(slides):
        begin, end = (duration_s * number // slides for number in (slide, slide + 1))
        for second in range(begin, end):
            data, is_key = packets[slide * GROUP_S + (second - begin) % GROUP_S]
            yield _Sample(Fraction(second), False, second, data, is_key)


def _tones(packets: list[tuple[bytes, bool]], *, duration_s: int) -> Iterator[_Sample]:
    """Repeat the middle loop until the time is over."""
    loop = packets[_LOOP_FRAMES : 2 * _LOOP_FRAMES]
    for number in range(duration_s * RATE // FRAME):
        data, is_key = loop[number % _LOOP_FRAMES]
        yield _Sample(Fraction(number * FRAME, RATE), True, number * FRAME, data, is_key)


# Note [Packets are repeated, not encoded]
# A group starts with an IDR frame and refers to nothing outside; without B-frames decoding order is showing order,
# so it can be repeated, and cut after any frame. The melody is silent where a loop ends, so the overlap of two AAC
# frames there hides nothing. Repeating costs a copy of a few hundred bytes per second of video.
