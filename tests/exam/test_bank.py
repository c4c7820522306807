from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.work import Work
from exam import bank
from exam.errors import OwnWork
from exam.rules.bank import content_hash, feasibility, read_rows
from tests.exam.conftest import HEAD, sheet


class TestReadRows:
    def test_reads_every_kind(self):
        drafts, errors = read_rows(sheet(single=1, multiple=1, true_false=1))
        assert errors == []
        assert [draft.kind for draft in drafts] == ["single", "multiple", "true_false"]
        assert [draft.answer for draft in drafts] == [("A",), ("A", "C"), ("A",)]

    def test_names_row_and_column_of_each_fault_and_takes_the_good_rows(self):
        rows = sheet(single=1)
        rows += [
            ["问答题", "题干", "甲", "乙", "", "", "A", "", "", ""],
            ["单选题", "", "甲", "乙", "", "", "A", "", "", ""],
            ["单选题", "答案不在选项里", "甲", "乙", "", "", "E", "", "", ""],
            ["多选题", "多选只有一个答案", "甲", "乙", "", "", "A", "", "", ""],
            ["单选题", "难度写错", "甲", "乙", "", "", "A", "", "地狱", ""],
            ["单选题", "中间空一个选项", "甲", "", "丙", "", "A", "", "", ""],
        ]
        drafts, errors = read_rows(rows)
        assert len(drafts) == 1
        assert {(error.row, error.column) for error in errors} >= {
            (3, "题型"),
            (4, "题干"),
            (5, "正确答案"),
            (6, "正确答案"),
            (7, "难度"),
            (8, "选项A"),
        }

    def test_names_the_earlier_row_of_a_duplicate(self):
        rows = sheet(single=1)
        rows.append(["单选题", " 单选第０题，怎么做？", "丁", "丙", "乙", "甲", "D", "", "", ""])
        _, errors = read_rows(rows)
        assert [(error.row, error.message) for error in errors] == [(3, "与第 2 行重复，请删除或修改")]

    def test_says_which_column_is_missing(self):
        _, errors = read_rows([["题型", "题干"]])
        assert errors[0].column == "正确答案"

    @given(st.lists(st.lists(st.text(max_size=20), max_size=12), max_size=8))
    def test_never_fails_on_any_text(self, rows):
        read_rows([HEAD, *rows])
        read_rows(rows)


class TestContentHash:
    def test_ignores_width_spaces_punctuation_case_and_order_of_options(self):
        first = content_hash("single", "What is A？", ["甲 ", "乙"])
        assert first == content_hash("single", "WHAT　is  a", ["乙", "甲。"])
        assert first != content_hash("single", "What is B", ["甲", "乙"])


@pytest.mark.clause("CC-4.3.5")
class TestFeasibility:
    def test_fails_one_question_short_of_five_times_and_says_how_many_are_missing(self):
        found = feasibility(counts={"single": 100}, approved={"single": 499}, ratio=5)
        assert not found.is_feasible
        assert (found.needed, found.available, found.missing) == (500, 499, 1)
        assert "还缺 1 道" in found.message

    def test_holds_at_exactly_five_times(self):
        assert feasibility(counts={"single": 100}, approved={"single": 500}, ratio=5).is_feasible

    def test_fails_when_a_kind_cannot_fill_the_paper(self):
        found = feasibility(counts={"single": 1, "multiple": 2}, approved={"single": 50, "multiple": 1}, ratio=5)
        assert found.missing_by_kind == {"multiple": 1}
        assert not found.is_feasible

    def test_only_warns_when_a_kind_is_below_its_own_share(self):
        found = feasibility(counts={"single": 1, "multiple": 1}, approved={"single": 9, "multiple": 1}, ratio=5)
        assert found.is_feasible
        assert found.warnings == ("multiple",)


class TestImportRows:
    def test_takes_nothing_in_a_dry_run(self, author: Work, course_id):
        result = bank.import_rows(
            author, course_id, organization_id=author.actor.organization_id, rows=sheet(single=3), dry_run=True
        )
        assert (result.good_count, result.imported_count) == (3, 0)
        assert bank.page_of(author, course_id, after=None, limit=10).total == 0

    def test_does_not_take_a_question_twice(self, author: Work, course_id):
        organization_id = author.actor.organization_id
        bank.import_rows(author, course_id, organization_id=organization_id, rows=sheet(single=3), dry_run=False)
        again = bank.import_rows(
            author, course_id, organization_id=organization_id, rows=sheet(single=4), dry_run=False
        )
        assert again.imported_count == 1
        assert [error.row for error in again.errors] == [2, 3, 4]


@pytest.mark.clause("CC-4.3.7")
class TestReview:
    def test_lets_nobody_approve_their_own_questions(self, author: Work, course_id):
        bank.import_rows(
            author, course_id, organization_id=author.actor.organization_id, rows=sheet(single=2), dry_run=False
        )
        with pytest.raises(OwnWork):
            bank.review(author, course_id, question_ids=None)

    def test_approves_what_a_colleague_entered(self, fill, author: Work, course_id):
        fill(single=4, true_false=1)
        page = bank.page_of(author, course_id, after=None, limit=3)
        assert (page.total, page.approved, page.drafts, len(page.rows)) == (5, 5, 0, 3)
