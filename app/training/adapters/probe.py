"""Measure video files with PyAV: container by content, length, pictures, sound.

Runs in the media child process only: a hostile file may crash or hang the decoder.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from app.training.media.rules import MediaFacts, MediaRefused, check_dimensions

SOUND_SAMPLES = 20
PICTURE_SAMPLES = 40
_SOUND_SAMPLE_S = 1
_BLACK_LUMA = 32
_BLACK_SHARE = 0.98
_SILENCE_DB_MILLI = -120_000
_DEMUXERS = {"mp4": "mov", "flv": "flv"}
_UNREADABLE = "文件损坏或不完整，无法读取，请重新导出后上传"


def sniff_container(path: Path) -> str:
    """Tell `mp4` or `flv` by the file's first bytes; its name and declared type do not matter.

    Raises:
        MediaRefused: It is neither.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] == b"ftyp" and head[8:12] != b"qt  ":
        return "mp4"
    if head.startswith(b"FLV\x01"):
        return "flv"
    raise MediaRefused("只支持 mp4 和 flv 格式的视频；修改文件名不能改变格式，请用视频软件重新导出")


@contextmanager
def opened(path: Path, container: str) -> Iterator[Any]:
    """Open a video file with exactly one demuxer and no other protocol than files.

    Raises:
        MediaRefused: It cannot be read.
    """
    try:
        with av.open(
            str(path), format=_DEMUXERS[container], options={"protocol_whitelist": "file"}, timeout=60
        ) as found:
            yield found
    except FFmpegError as error:
        raise MediaRefused(_UNREADABLE) from error


def measure(path: Path, container: str) -> MediaFacts:
    """Measure a video file from its packets; the lengths written in its header are not believed.

    Raises:
        MediaRefused: It cannot be read, has no pictures, or enormous ones.
    """
    with opened(path, container) as file:
        video, audio = _streams(file)
        check_dimensions(width=video.codec_context.width, height=video.codec_context.height)
        pictures, sound = _lengths(file, video, audio)
        facts = {
            "width": video.codec_context.width,
            "height": video.codec_context.height,
            "video_codec": video.codec_context.name,
            "pixel_format": video.codec_context.pix_fmt or "",
            "audio_codec": audio.codec_context.name if audio else None,
        }
    with opened(path, container) as file:
        volume = _mean_volume(file, sound.duration_ms) if audio else None
    with opened(path, container) as file:
        black = _black_share(file, pictures.duration_ms)
    return MediaFacts(
        container=container,
        duration_ms=pictures.duration_ms,
        picture_count=pictures.count,
        audio_ms=sound.duration_ms,
        mean_volume_db_milli=volume,
        black_micro=black,
        **facts,
    )


def streams_of(file: Any) -> tuple[Any, Any | None]:
    """Find the first video and the first audio stream; pictures attached to a sound file are no video."""
    return _streams(file)


def _streams(file: Any) -> tuple[Any, Any | None]:
    videos = [stream for stream in file.streams.video if stream.codec_context.name not in {"mjpeg", "png"}]
    if not videos:
        raise MediaRefused("文件中没有视频画面，请上传教学视频")
    return videos[0], next(iter(file.streams.audio), None)


class _Length:
    """Adds up where the packets of a stream begin and end."""

    def __init__(self) -> None:
        self.count = 0
        self._first: Fraction | None = None
        self._end = Fraction(0)

    def add(self, packet: Any) -> None:
        if packet.pts is None or packet.size == 0:
            return
        start = packet.pts * packet.time_base
        self.count += 1
        self._first = start if self._first is None else min(self._first, start)
        self._end = max(self._end, start + (packet.duration or 0) * packet.time_base)

    @property
    def duration_ms(self) -> int:
        return max(0, int((self._end - (self._first or 0)) * 1000))


def _lengths(file: Any, video: Any, audio: Any | None) -> tuple[_Length, _Length]:
    pictures, sound = _Length(), _Length()
    wanted = [video, audio] if audio else [video]
    for packet in file.demux(*wanted):
        (pictures if packet.stream_index == video.index else sound).add(packet)
    return pictures, sound


def _moments(duration_ms: int, count: int) -> list[int]:
    """Spread moments over the file, away from its very ends, in milliseconds."""
    return [duration_ms * (2 * number + 1) // (2 * count) for number in range(count)]


def _mean_volume(file: Any, duration_ms: int) -> int | None:
    """Estimate the mean loudness in thousandths of dBFS from samples of one second."""
    stream = file.streams.audio[0]
    resampler = av.AudioResampler(format="flt", layout="mono", rate=16_000)
    squares, count = 0.0, 0
    for moment in _moments(duration_ms, SOUND_SAMPLES):
        file.seek(moment * 1000)
        heard = 0
        for frame in file.decode(stream):
            for part in resampler.resample(frame):
                samples = part.to_ndarray()
                squares += float(np.square(samples, dtype=np.float64).sum())
                count += samples.size
                heard += samples.size
            if heard >= _SOUND_SAMPLE_S * 16_000:
                break
    if count == 0:
        return None
    mean = squares / count
    return max(_SILENCE_DB_MILLI, round(10_000 * math.log10(mean))) if mean > 0 else _SILENCE_DB_MILLI


def _black_share(file: Any, duration_ms: int) -> int:
    """Estimate the share of black pictures in millionths from single pictures."""
    stream = file.streams.video[0]
    black = seen = 0
    for moment in _moments(duration_ms, PICTURE_SAMPLES):
        file.seek(moment * 1000)
        frame = next(iter(file.decode(stream)), None)
        if frame is None:
            continue
        luma = frame.reformat(width=64, height=36, format="gray").to_ndarray()
        seen += 1
        black += bool((luma < _BLACK_LUMA).mean() >= _BLACK_SHARE)
    return black * 1_000_000 // seen if seen else 0
