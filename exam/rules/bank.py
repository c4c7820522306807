"""Rows of a workbook to questions; what counts as the same question; is the bank large enough.

Clauses: CC-4.3.5
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.core.canonical import canonical_hash
from exam.vocabulary import KIND_TITLES, KINDS, LETTERS, MULTIPLE, SINGLE, TRUE_FALSE

COLUMNS = ("题型", "题干", *(f"选项{letter}" for letter in LETTERS), "正确答案", "分值", "知识点", "难度", "解析")
REQUIRED_COLUMNS = ("题型", "题干", "正确答案")
KIND_NAMES = {name: kind for kind, title in KIND_TITLES.items() for name in (title, title.removesuffix("题"))}
DIFFICULTIES = {"易": "easy", "容易": "easy", "中": "medium", "中等": "medium", "难": "hard", "困难": "hard"}
TRUE_WORDS = frozenset({"正确", "对", "√", "A", "T", "TRUE", "是"})
FALSE_WORDS = frozenset({"错误", "错", "×", "B", "F", "FALSE", "否"})
MAX_STEM, MAX_OPTION, MAX_NOTE = 1000, 300, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """What is wrong in one cell.

    Attributes:
        row: Row of the workbook as the person sees it, from 1.
        column: Header of the column.
        message: What to do, in Chinese.
    """

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDraft:
    """A question as it was read.

    Attributes:
        row: Row of the workbook, from 1.
        kind: `single`, `multiple` or `true_false`.
        stem: The question.
        options: Key and text of each option, in order.
        answer: Keys of the right options, sorted.
        knowledge_point: May be empty.
        difficulty: `easy`, `medium` or `hard`.
        explanation: May be empty.
    """

    row: int
    kind: str
    stem: str
    options: tuple[tuple[str, str], ...]
    answer: tuple[str, ...]
    knowledge_point: str
    difficulty: str
    explanation: str

    @property
    def content_hash(self) -> str:
        """Equal for questions that differ only in spaces, width, punctuation, case or order of options."""
        return content_hash(self.kind, self.stem, [text for _, text in self.options])


def content_hash(kind: str, stem: str, options: Iterable[str]) -> str:
    """Hash what makes a question itself; see `QuestionDraft.content_hash`."""
    return canonical_hash([kind, _bare(stem), sorted(_bare(option) for option in options)])


def _bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] not in "PZSC")


def read_rows(rows: Sequence[Sequence[str]]) -> tuple[list[QuestionDraft], list[RowError]]:
    """Read a sheet: its first row holds the headers, empty rows are skipped.

    Args:
        rows: Cells as text.

    Returns:
        The good questions, and what is wrong with the others; one bad row harms no other.
    """
    if not rows:
        return [], [RowError(row=1, column="题型", message="表格是空的，请下载模板填写")]
    headers = [cell.strip() for cell in rows[0]]
    missing = [name for name in REQUIRED_COLUMNS if name not in headers]
    if missing:
        return [], [RowError(row=1, column=name, message=f"缺少“{name}”这一列，请使用模板") for name in missing]
    drafts: list[QuestionDraft] = []
    errors: list[RowError] = []
    first_seen: dict[str, int] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        values = {name: cells[i].strip() if i < len(cells) else "" for i, name in enumerate(headers)}
        draft, wrong = _read_row(number, values)
        if draft is not None and (earlier := first_seen.setdefault(draft.content_hash, number)) != number:
            wrong = [RowError(row=number, column="题干", message=f"与第 {earlier} 行重复，请删除或修改")]
        if wrong or draft is None:
            errors.extend(wrong)
        else:
            drafts.append(draft)
    return drafts, errors


def _read_row(row: int, values: Mapping[str, str]) -> tuple[QuestionDraft | None, list[RowError]]:
    errors: list[RowError] = []

    def wrong(column: str, message: str) -> None:
        errors.append(RowError(row=row, column=column, message=message))

    kind = KIND_NAMES.get(values["题型"], "")
    if not kind:
        wrong("题型", "题型只能填 单选题、多选题 或 判断题")
    stem = values["题干"]
    if not 1 <= len(stem) <= MAX_STEM:
        wrong("题干", f"题干要有 1 到 {MAX_STEM} 个字")
    for column in ("知识点", "解析"):
        if len(values.get(column, "")) > MAX_NOTE:
            wrong(column, f"最多 {MAX_NOTE} 个字")
    difficulty = DIFFICULTIES.get(values.get("难度") or "中", "")
    if not difficulty:
        wrong("难度", "难度只能填 易、中 或 难")
    options = _options(values, kind, wrong)
    answer = _answer(values["正确答案"], kind, [key for key, _ in options], wrong)
    if errors:
        return None, errors
    return (
        QuestionDraft(
            row=row,
            kind=kind,
            stem=stem,
            options=options,
            answer=answer,
            knowledge_point=values.get("知识点", ""),
            difficulty=difficulty,
            explanation=values.get("解析", ""),
        ),
        [],
    )


def _options(values: Mapping[str, str], kind: str, wrong: Callable[[str, str], None]) -> tuple[tuple[str, str], ...]:
    if kind == TRUE_FALSE:
        return (("A", "正确"), ("B", "错误"))
    texts = [values.get(f"选项{letter}", "") for letter in LETTERS]
    filled = [text for text in texts if text]
    if texts[: len(filled)] != filled:
        wrong("选项A", "选项要从 A 开始连续填写，中间不能空")
    if len(filled) < 2:  # noqa: PLR2004 - a choice needs two
        wrong("选项B", "至少要有两个选项")
    if any(len(text) > MAX_OPTION for text in filled):
        wrong("选项A", f"每个选项最多 {MAX_OPTION} 个字")
    if len({_bare(text) or text for text in filled}) != len(filled):
        wrong("选项A", "有两个选项内容相同")
    return tuple(zip(LETTERS, filled, strict=False))


def _answer(text: str, kind: str, keys: Sequence[str], wrong: Callable[[str, str], None]) -> tuple[str, ...]:
    given = unicodedata.normalize("NFKC", text).upper()
    if kind == TRUE_FALSE:
        if given in TRUE_WORDS or given in FALSE_WORDS:
            return ("A",) if given in TRUE_WORDS else ("B",)
        wrong("正确答案", "判断题的答案填 正确 或 错误")
        return ()
    letters = sorted(set(re.sub(r"[\s,;、，；]+", "", given)))
    if not letters or any(letter not in keys for letter in letters):
        wrong("正确答案", "答案要用选项字母填写，例如 A 或 ABD，并且选项存在")
    elif kind == SINGLE and len(letters) != 1:
        wrong("正确答案", "单选题只能有一个正确答案")
    elif kind == MULTIPLE and len(letters) < 2:  # noqa: PLR2004 - else it is a single choice
        wrong("正确答案", "多选题至少要有两个正确答案")
    return tuple(letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feasibility:
    """Whether a bank carries a paper.

    Attributes:
        paper_size: Questions on the paper.
        needed: Questions the bank must hold.
        available: Approved, distinct questions it holds.
        missing: How many are missing in all; 0 when there are enough.
        missing_by_kind: How many of a kind the paper itself lacks; empty when it can be drawn.
        warnings: Kinds whose own share falls short of the ratio (a warning only).
    """

    paper_size: int
    needed: int
    available: int
    missing: int
    missing_by_kind: Mapping[str, int]
    warnings: tuple[str, ...]

    @property
    def is_feasible(self) -> bool:
        """Tell whether the exam may be published."""
        return self.paper_size > 0 and self.missing == 0 and not self.missing_by_kind

    @property
    def message(self) -> str:
        """Say what is missing, in Chinese."""
        if self.paper_size == 0:
            return "试卷还没有题目，请设置每种题型的数量"
        if self.missing:
            return (
                f"试卷有 {self.paper_size} 道题，题库至少要有 {self.needed} 道已审核且不重复的题目；"
                f"现有 {self.available} 道，还缺 {self.missing} 道"
            )
        if self.missing_by_kind:
            parts = "、".join(f"{KIND_TITLES[kind]}还缺 {count} 道" for kind, count in self.missing_by_kind.items())
            return f"题库中的题型不够组卷：{parts}"
        return f"题库有 {self.available} 道可用题目，满足试卷 {self.paper_size} 道题的要求"


def feasibility(*, counts: Mapping[str, int], approved: Mapping[str, int], ratio: int) -> Feasibility:
    """Compare a blueprint with a bank; the total is a hard rule, each kind's share a warning (A13).

    Args:
        counts: Questions of each kind on the paper.
        approved: Approved, distinct questions of each kind in the bank.
        ratio: How many times the paper the bank must be.
    """
    size = sum(counts.values())
    available = sum(approved.values())
    short = {kind: counts.get(kind, 0) - approved.get(kind, 0) for kind in KINDS}
    thin = (kind for kind in KINDS if approved.get(kind, 0) < ratio * counts.get(kind, 0))
    return Feasibility(
        paper_size=size,
        needed=ratio * size,
        available=available,
        missing=max(0, ratio * size - available),
        missing_by_kind={kind: count for kind, count in short.items() if count > 0},
        warnings=tuple(thin),
    )
