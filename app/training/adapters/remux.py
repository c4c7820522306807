"""Make video playable on every phone: copy H.264 and AAC into a fast-start mp4, encode everything else.

Runs in the media child process only.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
from av.error import FFmpegError

from app.training.adapters.probe import opened, streams_of
from app.training.media.rules import MediaRefused

_DEMUXERS = {"mp4": "mov", "flv": "flv"}
_MAX_HEIGHT = 1080


class CannotCopy(Exception):
    """The packets do not fit into an mp4 as they are."""


def copy_streams(source: Path, target: Path, container: str) -> None:
    """Copy pictures and sound into a fast-start mp4 without encoding them.

    Raises:
        CannotCopy: Timestamps or packets do not allow it.
        MediaRefused: The file cannot be read.
    """
    with opened(source, container) as file:
        wanted = [stream for stream in streams_of(file) if stream is not None]
        try:
            with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as out:
                _copy(file, out, wanted)
        except (FFmpegError, ValueError) as error:
            target.unlink(missing_ok=True)
            raise CannotCopy from error


def _copy(file: Any, out: Any, wanted: list[Any]) -> None:
    made = {stream.index: out.add_stream_from_template(stream) for stream in wanted}
    for packet in file.demux(*wanted):
        if packet.dts is None or packet.size == 0:
            continue
        packet.stream = made[packet.stream_index]
        out.mux(packet)


def transcode(source: Path, target: Path, container: str, *, timeout_s: float) -> None:
    """Encode anew as H.264 and AAC, at most 1080 lines.

    Raises:
        MediaRefused: It cannot be decoded, or takes too long.
    """
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *("-protocol_whitelist", "file", "-f", _DEMUXERS[container], "-i", str(source)),
        *("-map", "0:v:0", "-map", "0:a:0?", "-map_metadata", "-1", "-dn", "-sn"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"),
        *("-vf", f"scale=-2:'min({_MAX_HEIGHT},trunc(ih/2)*2)'"),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2"),
        *("-movflags", "+faststart", "-f", "mp4", str(target)),
    ]
    try:
        subprocess.run(command, check=True, timeout=timeout_s, capture_output=True)  # noqa: S603 - our own binary, no shell
    except subprocess.TimeoutExpired as error:
        target.unlink(missing_ok=True)
        raise MediaRefused("视频转码用时过长，请先用视频软件导出为 H.264 编码的 mp4 再上传") from error
    except subprocess.CalledProcessError as error:
        target.unlink(missing_ok=True)
        raise MediaRefused("视频编码无法识别，请用视频软件导出为 H.264 编码的 mp4 再上传") from error
