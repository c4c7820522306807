"""Demonstration lessons of 养老护理员（初级）: their slides, and the videos made of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from app.demo.slides import FONT, Slide
from app.demo.video import make_lesson_video, make_sorenson_video

SCRIPTS = Path(__file__).parent / "data" / "lessons.toml"
SHORT_S = 62
"""Length of a short lesson in seconds: a little more than the minute of a demonstration's lesson hour."""
LONG_S = 2430
"""Length of a full lesson in seconds: a little more than forty minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LessonScript:
    """What one lesson says.

    Attributes:
        key: Stable name, also the name of its file.
        title: Title of the lesson.
        points: Knowledge points of the question bank that it teaches.
        slides: Its slides in order.
    """

    key: str
    title: str
    points: tuple[str, ...]
    slides: tuple[Slide, ...]


def load_scripts(path: Path = SCRIPTS) -> tuple[LessonScript, ...]:
    """Read the lessons in teaching order."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        LessonScript(
            key=lesson["key"],
            title=lesson["title"],
            points=tuple(lesson["points"]),
            slides=tuple(Slide(title=slide["title"], lines=tuple(slide["lines"])) for slide in lesson["slides"]),
        )
        for lesson in raw["lesson"]
    )


def make_demo_lessons(folder: Path, *, duration_s: int = SHORT_S, font: Path = FONT) -> dict[str, Path]:
    """Write every lesson as ``<key>.mp4`` into a folder; files that are already there are kept.

    Args:
        folder: Where to write; made if missing.
        duration_s: Length of every lesson in seconds.
        font: A font file that has Chinese.

    Returns:
        Paths by the lessons' keys, in teaching order.

    Raises:
        FontMissing: The font file does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for script in load_scripts():
        path = folder / f"{script.key}.mp4"
        if not path.exists():
            part = path.with_suffix(".part.mp4")
            make_lesson_video(part, title=script.title, duration_s=duration_s, slides=script.slides, font=font)
            part.replace(path)
        made[script.key] = path
    return made


def make_flv_samples(folder: Path, *, font: Path = FONT) -> dict[str, Path]:
    """Write two FLV files: ``h264`` can be remuxed, ``sorenson`` must be transcoded.

    Raises:
        FontMissing: The font file does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    script = load_scripts()[1]
    made = {"h264": folder / "h264.flv", "sorenson": folder / "sorenson.flv"}
    make_lesson_video(made["h264"], title=script.title, duration_s=SHORT_S, slides=script.slides, font=font)
    make_sorenson_video(made["sorenson"], title=script.title, duration_s=8, slide=script.slides[0], font=font)
    return made
