"""Set documents with Typst: data goes in as JSON, never as text of the template.

Only the fonts under `fonts/` are used and the creation time is given, so that the same data gives the same bytes on
every machine. Documents are PDF/A-2a (archival, tagged, text that can be searched) and PDF/UA-1 (accessible).

Pictures are handed over in memory inside an SVG, because Typst reads files only from disk, where a face in clear has
no business; the JPEG bytes arrive in the PDF as they are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import typst

from app.core.db import Json
from app.reports.errors import FontsMissing
from app.reports.glyphs import covered_characters, showable

FOLDER = Path(__file__).parent
FONTS = FOLDER / "fonts"
FAMILY = "Noto Sans SC"
STANDARDS: tuple[typst.PDFStandard, ...] = ("a-2a", "ua-1")

_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 400 300">'
    '<image width="400" height="300" preserveAspectRatio="xMidYMid meet" '
    'xlink:href="data:image/jpeg;base64,{data}"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was set.

    Attributes:
        pdf: Its bytes.
        page_count: Its pages.
    """

    pdf: bytes
    page_count: int


def typeset(template: str, data: Json, *, pictures: Mapping[str, bytes], made_at: datetime) -> Document:
    """Set one document.

    Args:
        template: File name under `templates/`, without its ending.
        data: What it shows; JSON values.
        pictures: JPEG by the name the data calls it; sizes do not matter, a picture keeps its proportions.
        made_at: Creation time written into the document.

    Raises:
        FontsMissing: Set-up has not put the fonts in place.
    """
    files = sorted(FONTS.glob("*.ttf"))
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)])
    if FAMILY not in fonts.families():
        raise FontsMissing
    inputs = {"data": json.dumps(showable(data, covered_characters(files[0])), ensure_ascii=False)}
    for name, picture in pictures.items():
        inputs[f"picture-{name}"] = _PICTURE.format(data=base64.b64encode(picture).decode())
    compiler = typst.Compiler(
        FOLDER / "templates" / f"{template}.typ",
        font_paths=fonts,
        ignore_system_fonts=True,
        sys_inputs=inputs,
    )
    pdf = compiler.compile(
        format="pdf", pdf_standards=list(STANDARDS), timestamp=int(made_at.timestamp()), pdf_tags=True
    )
    if not isinstance(pdf, bytes):
        raise TypeError("Typst gave no document")
    pages = json.loads(compiler.query("<page-count>", field="value", one=True))
    return Document(pdf, int(pages))
