"""Draw lesson slides: a title, a few sentences, a page number; 1280 by 720 pixels.

Chinese text needs a Chinese font. The product's own is Noto Sans SC, put beside the reports at set-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from app.core.errors import Unavailable

WIDTH, HEIGHT = 1280, 720
FONT = Path(__file__).parents[1] / "reports" / "fonts" / "NotoSansSC_400Regular.ttf"

_MARGIN = 96
_PAPER, _INK, _QUIET, _ACCENT, _LINE = "#FBFAF7", "#20302B", "#6B7A74", "#1F7A5C", "#DDE5E0"
_MAY_NOT_BEGIN_A_LINE = frozenset("，。；：！？、）》”’％")


class FontMissing(Unavailable):
    """The Chinese font is not there; set-up puts it beside the reports."""

    slug = "font-missing"
    title = "缺少中文字体"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slide:
    """One slide.

    Attributes:
        title: Heading, one line.
        lines: Sentences, each wrapped over as many rows as it needs.
    """

    title: str
    lines: tuple[str, ...]


def draw_slide(slide: Slide, *, course: str, number: int, count: int, font: Path = FONT) -> Image.Image:
    """Draw one slide.

    Args:
        slide: What to show.
        course: Title of the lesson, shown small on every slide.
        number: Position of the slide, from 1.
        count: How many slides there are.
        font: A font file that has Chinese.

    Returns:
        An RGB picture of 1280 by 720 pixels.

    Raises:
        FontMissing: The font file does not exist.
    """
    if not font.exists():
        raise FontMissing(f"找不到中文字体 {font.name}，请先完成安装步骤再生成演示课程。")
    picture = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen = ImageDraw.Draw(picture)
    small, large, text = (ImageFont.truetype(str(font), size) for size in (24, 54, 36))
    pen.rectangle((0, 0, 20, HEIGHT), fill=_ACCENT)
    pen.text((_MARGIN, 48), course, font=small, fill=_QUIET)
    pen.text((_MARGIN, 104), slide.title, font=large, fill=_INK)
    pen.line((_MARGIN, 196, WIDTH - _MARGIN, 196), fill=_LINE, width=3)
    _draw_lines(pen, slide.lines, font=text)
    pen.text((WIDTH - _MARGIN, HEIGHT - 56), f"{number} / {count}", font=small, fill=_QUIET, anchor="rs")
    done = _MARGIN + (WIDTH - 2 * _MARGIN) * number // count
    pen.rectangle((_MARGIN, HEIGHT - 40, WIDTH - _MARGIN, HEIGHT - 34), fill=_LINE)
    pen.rectangle((_MARGIN, HEIGHT - 40, done, HEIGHT - 34), fill=_ACCENT)
    return picture


def _draw_lines(pen: ImageDraw.ImageDraw, lines: tuple[str, ...], *, font: ImageFont.FreeTypeFont) -> None:
    top = 232
    for line in lines:
        pen.ellipse((_MARGIN, top + 20, _MARGIN + 12, top + 32), fill=_ACCENT)
        for row in wrap(line, width=WIDTH - 2 * _MARGIN - 36, font=font):
            pen.text((_MARGIN + 36, top), row, font=font, fill=_INK)
            top += 54
        top += 16


def wrap(text: str, *, width: int, font: ImageFont.FreeTypeFont) -> list[str]:
    """Break Chinese text into rows no wider than `width` pixels; no row begins with a closing mark."""
    rows, row = [], ""
    for sign in text:
        if row and font.getlength(row + sign) > width and sign not in _MAY_NOT_BEGIN_A_LINE:
            rows.append(row)
            row = ""
        row += sign
    return [*rows, row] if row else rows
