from __future__ import annotations

import io
import zipfile

import pytest
import xlsxwriter

from exam.adapters import workbook
from exam.errors import FileRefused
from exam.rules.bank import read_rows
from tests.exam.conftest import sheet


def written(rows, *, formula: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                page.write_string(number, column, value)
        if formula:
            page.write_formula(1, 1, formula)
    return buffer.getvalue()


class TestReadWorkbook:
    def test_reads_what_excel_wrote(self):
        drafts, errors = read_rows(workbook.read_workbook(written(sheet(single=2, true_false=1))))
        assert (len(drafts), errors) == (3, [])

    def test_reads_its_own_template_with_the_example_row(self):
        example = [
            "单选题",
            "洗手之后首先做什么？",
            "擦干双手",
            "继续操作",
            "",
            "",
            "",
            "",
            "A",
            "1",
            "手卫生",
            "易",
            "",
        ]
        drafts, errors = read_rows(workbook.read_workbook(workbook.write_template([example])))
        assert (len(drafts), errors) == (1, [])

    @pytest.mark.parametrize("formula", ["=1+1", '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0"])
    def test_names_the_cell_of_a_formula(self, formula: str):
        with pytest.raises(FileRefused, match="B2"):
            workbook.read_workbook(written(sheet(single=1), formula=formula))

    @pytest.mark.parametrize(
        "data",
        [b"", b"PK\x03\x04", b"%PDF-1.7", b"\xd0\xcf\x11\xe0" + bytes(600), "题型,题干".encode()],
        ids=["empty", "truncated", "pdf", "old-xls", "csv"],
    )
    def test_refuses_other_files(self, data: bytes):
        with pytest.raises(FileRefused):
            workbook.read_workbook(data)

    def test_refuses_a_truncated_workbook(self):
        data = written(sheet(single=50))
        for end in (100, len(data) // 2, len(data) - 10):
            with pytest.raises(FileRefused):
                workbook.read_workbook(data[:end])

    def test_refuses_a_zip_bomb_before_unpacking_it(self):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/worksheets/sheet1.xml", bytes(150 * 1024 * 1024))
        with pytest.raises(FileRefused, match="过大"):
            workbook.read_workbook(buffer.getvalue())

    def test_refuses_too_many_rows(self):
        with pytest.raises(FileRefused, match="表格太大"):
            workbook.read_workbook(written([["题型"]] * (workbook.MAX_ROWS + 5)))
