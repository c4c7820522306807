"""A question bank of 养老护理员（初级）, and the spreadsheet people fill in.

The spreadsheet has one question a row: 题型, 题干, 选项A to 选项F, 正确答案, 分值, 知识点, 难度, 解析. A right
answer is written in letters (``ACD``); a true-or-false question has the options 正确 and 错误.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import xlsxwriter

BANK = Path(__file__).parent / "data" / "questions.json"
COLUMNS = (
    "题型", "题干", "选项A", "选项B", "选项C", "选项D", "选项E", "选项F",
    "正确答案", "分值", "知识点", "难度", "解析",
)  # fmt: skip

Kind = Literal["single", "multiple", "true_false"]
Difficulty = Literal["easy", "medium", "hard"]

KIND_LABELS: dict[Kind, str] = {"single": "单选题", "multiple": "多选题", "true_false": "判断题"}
DIFFICULTY_LABELS: dict[Difficulty, str] = {"easy": "易", "medium": "中", "hard": "难"}

_WIDTHS = (10, 52, 22, 22, 22, 22, 12, 12, 10, 8, 18, 8, 60)
_OPTIONS_MAX = 6
_ROWS_TO_FILL = 2000
_HELP = (
    "每行一道题，不要合并单元格，不要改动第一行。",
    "题型填：单选题、多选题、判断题。",
    "选项从选项A开始依次填写，不留空档；判断题的选项A填“正确”，选项B填“错误”。",
    "正确答案填选项字母；多选题把字母连着写，例如 ACD。",
    "分值填大于0的整数；难度填：易、中、难。",
    "知识点用于针对性练习，同一知识点请用同样的名称。",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question of the bank.

    Attributes:
        kind: Single choice, multiple choice, or true or false.
        stem: The question.
        options: Its options in order.
        answer: Letters of all right options in order, such as ``ACD``.
        score: Points, a whole number.
        point: Knowledge point.
        difficulty: How hard it is.
        explanation: Why the answer is right.
    """

    kind: Kind
    stem: str
    options: tuple[str, ...]
    answer: str
    score: int
    point: str
    difficulty: Difficulty
    explanation: str


def load_questions(path: Path = BANK) -> tuple[Question, ...]:
    """Read the bank."""
    return tuple(
        Question(**{**row, "options": tuple(row["options"])}) for row in json.loads(path.read_text(encoding="utf-8"))
    )


def write_question_template(path: Path, *, questions: Iterable[Question] = (), created: datetime) -> None:
    """Write questions as the spreadsheet people know; without questions it is the empty form.

    Args:
        path: An ``.xlsx`` file to write; an existing one is replaced.
        questions: What to fill in.
        created: Time written into the file's properties.
    """
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": "题库", "created": created.replace(tzinfo=None)})
        head = book.add_format({"bold": True, "bg_color": "#E4EFEA", "border": 1, "valign": "vcenter"})
        text = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
        number = book.add_format({"valign": "top"})
        sheet = book.add_worksheet("题库")
        for column, (name, width) in enumerate(zip(COLUMNS, _WIDTHS, strict=True)):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, name, head)
        sheet.freeze_panes(1, 0)
        for row, question in enumerate(questions, start=1):
            for column, value in enumerate(_cells(question)):
                if isinstance(value, int):
                    sheet.write_number(row, column, value, number)
                else:
                    sheet.write_string(row, column, value, text)
        _restrict(sheet)
        notes = book.add_worksheet("填写说明")
        notes.set_column(0, 0, 90)
        for row, sentence in enumerate(_HELP):
            notes.write_string(row, 0, f"{row + 1}. {sentence}")


def _cells(question: Question) -> tuple[str | int, ...]:
    options = (*question.options, *[""] * (_OPTIONS_MAX - len(question.options)))
    return (
        KIND_LABELS[question.kind],
        question.stem,
        *options,
        question.answer,
        question.score,
        question.point,
        DIFFICULTY_LABELS[question.difficulty],
        question.explanation,
    )


def _restrict(sheet: xlsxwriter.worksheet.Worksheet) -> None:
    """Offer the allowed kinds and difficulties as lists, and only whole points."""
    for name, labels in (("题型", KIND_LABELS), ("难度", DIFFICULTY_LABELS)):
        column = COLUMNS.index(name)
        choices = {"validate": "list", "source": list(labels.values())}
        sheet.data_validation(1, column, _ROWS_TO_FILL, column, choices)
    column = COLUMNS.index("分值")
    whole = {"validate": "integer", "criteria": ">", "value": 0}
    sheet.data_validation(1, column, _ROWS_TO_FILL, column, whole)
