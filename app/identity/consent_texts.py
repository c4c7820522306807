"""Read the notice and the consent texts people are asked to agree to.

There is one text for one purpose, never one tick for several. A text is a file ``<purpose>-<version>.md`` under
``texts``: a TOML head between ``+++`` lines, then Markdown in plain Chinese under six fixed headings. Who runs the
platform and who receives what is filled in by name, and the hash is taken of what people really read. A changed
text gets a new version and a new file; old files stay, so that an old consent can be shown again.

Clauses:
    L-PI-1, L-PI-2, L-PI-3, L-FR-2, L-FR-3, L-FR-4.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "texts"
PURPOSES = (
    "account",
    "id_card",
    "face_verify",
    "face_store_and_transfer",
    "push_to_realname_system",
    "recording",
)
HEADINGS = ("为什么需要", "处理什么、怎样处理", "保存多久", "提供给谁", "怎样撤回", "不同意会怎样")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parties:
    """Who is named in the texts.

    Attributes:
        operator: Full name of the unit that runs the platform.
        contact: How to reach it, such as a phone number.
        system: Name of the real-name system that receives records.
        authority: Name of the bureau that runs that system.
    """

    operator: str
    contact: str
    system: str = "长春市职业技能培训管理系统（实名制系统）"
    authority: str = "长春市人力资源和社会保障局"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentText:
    """One text as people read it.

    Attributes:
        purpose: What it is about: ``notice`` or one of `PURPOSES`.
        version: Version such as ``1.0``.
        title: Title in Chinese.
        body_markdown: The text with all names filled in.
        sha256: Hash in hex of title and text, as proof of what was read.
        is_required: Whether subsidised training is impossible without it.
    """

    purpose: str
    version: str
    title: str
    body_markdown: str
    sha256: str
    is_required: bool


def load_texts(parties: Parties, *, folder: Path = FOLDER) -> dict[str, ConsentText]:
    """Read the newest consent text of every purpose, in the order they are asked.

    Raises:
        ValueError: A purpose has no text, or a text is damaged; the message names the file.

    Clauses:
        L-PI-1.
    """
    return {purpose: load_text(purpose, parties=parties, folder=folder) for purpose in PURPOSES}


def load_notice(parties: Parties, *, folder: Path = FOLDER) -> ConsentText:
    """Read the newest notice (用户须知), which is read but not consented to."""
    return load_text("notice", parties=parties, folder=folder)


def load_text(purpose: str, *, parties: Parties, version: str | None = None, folder: Path = FOLDER) -> ConsentText:
    """Read one text, the newest or a given version.

    Raises:
        ValueError: There is no such text, or it is damaged; the message names the file.
    """
    found = {path.stem.rpartition("-")[2]: path for path in folder.glob(f"{purpose}-*.md")}
    chosen = version or max(found, key=_order, default=None)
    if chosen is None or chosen not in found:
        raise ValueError(f"{purpose}: no text of version {chosen}")
    path = found[chosen]
    _, separator, rest = path.read_text(encoding="utf-8").partition("+++\n")
    head, closing, body = rest.partition("+++\n")
    if not separator or not closing:
        raise ValueError(f"{path.name}: the head between +++ lines is missing")
    values = tomllib.loads(head)
    text = _fill(body.strip() + "\n", parties=parties, name=path.name)
    title = str(values["title"])
    return ConsentText(
        purpose=purpose,
        version=chosen,
        title=title,
        body_markdown=text,
        sha256=hashlib.sha256(f"{title}\n\n{text}".encode()).hexdigest(),
        is_required=bool(values["required"]),
    )


def _fill(body: str, *, parties: Parties, name: str) -> str:
    try:
        return body.format_map(asdict(parties))
    except (KeyError, ValueError, IndexError) as error:
        raise ValueError(f"{name}: a name in braces is unknown: {error}") from error


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
