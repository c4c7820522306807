"""Read and write the XLSX workbook of a question bank; nothing in it is trusted.

Sizes are checked before anything is unpacked, formulas are refused by name of the cell, and cells are read as text.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from exam.errors import FileRefused
from exam.rules.bank import COLUMNS
from exam.vocabulary import KIND_TITLES

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_RATIO = 200
MAX_ROWS = 20_000
MAX_COLUMNS = 40
MAX_MEMBERS = 200

_FORMULA = re.compile(rb'<c\b[^>]*\br="([A-Z]{1,3}[0-9]{1,7})"[^>]*>\s*<f\b')


def read_workbook(data: bytes) -> list[list[str]]:
    """Read the first sheet as text.

    Raises:
        FileRefused: Not a workbook, too large, a zip bomb, or with formulas; says what to do.
    """
    if len(data) > MAX_FILE_BYTES:
        raise FileRefused("文件超过 10 MB，请分成几个文件上传")
    _refuse_bombs_and_formulas(data)
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False, nrows=MAX_ROWS + 1)
    except (CalamineError, ValueError, IndexError) as error:
        raise FileRefused from error
    if len(rows) > MAX_ROWS or any(len(row) > MAX_COLUMNS for row in rows):
        raise FileRefused(f"表格太大：最多 {MAX_ROWS} 行、{MAX_COLUMNS} 列")
    return [[_text(cell) for cell in row] for row in rows]


def _refuse_bombs_and_formulas(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            if len(members) > MAX_MEMBERS or unpacked > min(MAX_UNPACKED_BYTES, MAX_RATIO * max(len(data), 1)):
                raise FileRefused("文件解压后过大，请只保留题目内容后重新保存")
            for member in members:
                if member.filename.startswith("xl/worksheets/"):
                    _refuse_formulas(_limited(archive, member))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise FileRefused("这不是 XLSX 文件，请用题库模板填写，另存为 XLSX 后再上传") from error


def _limited(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read a member, but never more than its header promised: a lying header is a bomb."""
    with archive.open(member) as stream:
        content = stream.read(member.file_size + 1)
    if len(content) > member.file_size:
        raise FileRefused("文件已损坏，请重新保存后上传")
    return content


def _refuse_formulas(sheet: bytes) -> None:
    cells = [found.decode() for found in _FORMULA.findall(sheet)[:5]]
    if cells:
        raise FileRefused(f"单元格 {'、'.join(cells)} 含有公式，请复制后“粘贴为数值”再上传")


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def write_template(examples: Sequence[Sequence[str]] = ()) -> bytes:
    """Write the workbook that people fill in, with a drop-down for the kind and notes on the headers."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("题库")
        head = book.add_format({"bold": True, "bg_color": "#E8F1F2", "border": 1})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        for column, name in enumerate(COLUMNS):
            sheet.write_string(0, column, name, head)
        for row, example in enumerate(examples, start=1):
            for column, value in enumerate(example):
                sheet.write_string(row, column, value, wrap)
        sheet.data_validation(1, 0, MAX_ROWS, 0, {"validate": "list", "source": list(KIND_TITLES.values())})
        sheet.set_column(0, 0, 10)
        sheet.set_column(1, 1, 60)
        sheet.set_column(2, 7, 22)
        sheet.set_column(8, 12, 16)
        sheet.freeze_panes(1, 0)
    return buffer.getvalue()
