"""What courseware must be, and what is worth a warning. Pure rules; the thresholds are ours.

Clauses: CC-4.3.4
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_DURATION_MS = 8 * 3_600_000
MIN_DURATION_MS = 1_000
MAX_SIDE = 4_096
MIN_PICTURES_PER_SECOND_MILLI = 500
MIN_HEIGHT = 720
MIN_MEAN_VOLUME_DB_MILLI = -40_000
MAX_BLACK_MICRO = 100_000
MIN_AUDIO_SHARE_MICRO = 900_000
PLAYABLE_VIDEO = "h264"
PLAYABLE_AUDIO = "aac"
PLAYABLE_PICTURES = frozenset({"yuv420p", "yuvj420p"})
CONTAINERS = ("mp4", "flv")


class MediaRefused(Exception):
    """The file is no usable courseware; the message is Chinese and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What was measured; nothing of it is taken from what the uploader said.

    Attributes:
        container: `mp4` or `flv`, by content.
        duration_ms: Length of what can be played.
        picture_count: Pictures in the video.
        pixel_format: For example `yuv420p`.
        audio_codec: None without sound.
        audio_ms: Length of the sound.
        mean_volume_db_milli: Mean loudness in thousandths of dBFS, from samples; None without sound.
        black_micro: Share of black pictures in millionths, from samples.
    """

    container: str
    duration_ms: int
    width: int
    height: int
    picture_count: int
    video_codec: str
    pixel_format: str
    audio_codec: str | None
    audio_ms: int
    mean_volume_db_milli: int | None
    black_micro: int

    @property
    def needs_transcoding(self) -> bool:
        """Tell whether phones and browsers cannot play it as it is."""
        if self.video_codec != PLAYABLE_VIDEO or self.pixel_format not in PLAYABLE_PICTURES:
            return True
        return self.audio_codec not in {None, PLAYABLE_AUDIO}


def check_dimensions(*, width: int, height: int) -> None:
    """Refuse pictures nobody teaches with, before any of them is decoded.

    Raises:
        MediaRefused: The picture is empty or enormous.
    """
    if not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE:
        raise MediaRefused(f"视频画面尺寸为 {width}×{height}，超出可处理的范围（最大 {MAX_SIDE} 像素），请重新导出")


def check_facts(facts: MediaFacts) -> None:
    """Refuse what cannot carry a lesson.

    Raises:
        MediaRefused: Too short, too long, or hardly any pictures.
    """
    if facts.duration_ms < MIN_DURATION_MS:
        raise MediaRefused("视频太短或没有可以播放的内容，请检查文件是否完整")
    if facts.duration_ms > MAX_DURATION_MS:
        raise MediaRefused("视频超过8小时，请拆分成多个课件后上传")
    if facts.picture_count * 1_000_000 < MIN_PICTURES_PER_SECOND_MILLI * facts.duration_ms:
        raise MediaRefused("视频的画面数量与时长不符，时间信息可能有误，请重新导出")


def warnings_of(facts: MediaFacts) -> list[dict[str, str]]:
    """List what a reviewer should look at: `{code, text}`.

    Clauses:
        CC-4.3.4.
    """
    volume = facts.mean_volume_db_milli
    found = [
        (facts.height < MIN_HEIGHT, "low_resolution", f"画面高度只有 {facts.height} 像素，建议不低于 {MIN_HEIGHT}"),
        (facts.audio_codec is None, "no_audio", "没有声音"),
        (
            facts.audio_codec is not None and facts.audio_ms * 1_000_000 < MIN_AUDIO_SHARE_MICRO * facts.duration_ms,
            "short_audio",
            "声音比画面短，部分时间没有声音",
        ),
        (volume is not None and volume < MIN_MEAN_VOLUME_DB_MILLI, "quiet", "声音太小，请检查是否听得清"),
        (facts.black_micro > MAX_BLACK_MICRO, "black_pictures", "黑屏画面超过10%，请检查内容"),
    ]
    return [{"code": code, "text": text} for holds, code, text in found if holds]
