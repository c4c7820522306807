import re
from collections import Counter
from datetime import UTC, datetime

import pytest
from python_calamine import CalamineWorkbook

from app.demo.lessons import load_scripts
from app.demo.questions import COLUMNS, load_questions, write_question_template

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def questions():
    return load_questions()


class TestLoadQuestions:
    def test_has_enough_questions_of_every_kind(self, questions):
        counts = Counter(question.kind for question in questions)
        assert len(questions) >= 120
        assert min(counts["single"], counts["multiple"], counts["true_false"]) >= 30

    @pytest.mark.parametrize("kind", ["single", "multiple", "true_false"])
    def test_answers_with_letters_of_its_options(self, questions, kind):
        for question in (question for question in questions if question.kind == kind):
            letters = "ABCDEF"[: len(question.options)]
            assert re.fullmatch(f"[{letters}]+", question.answer), question.stem
            assert "".join(sorted(set(question.answer))) == question.answer, question.stem
            assert (len(question.answer) == 1) == (kind != "multiple"), question.stem

    def test_gives_four_options_to_choice_questions_and_two_to_the_others(self, questions):
        for question in questions:
            assert len(question.options) == (2 if question.kind == "true_false" else 4), question.stem
            assert len(set(question.options)) == len(question.options), question.stem

    def test_asks_nothing_twice(self, questions):
        plain = [re.sub(r"\W", "", question.stem) for question in questions]
        assert len(set(plain)) == len(plain)

    def test_explains_every_answer_in_full_sentences(self, questions):
        assert all(question.explanation.endswith("。") for question in questions)
        assert all(question.score > 0 and question.point for question in questions)

    def test_does_not_favour_a_letter(self, questions):
        counts = Counter(question.answer for question in questions if question.kind == "single")
        assert max(counts.values()) < 2 * min(counts.values())

    def test_asks_about_what_the_lessons_teach(self, questions):
        points = {question.point for question in questions}
        assert {point for script in load_scripts() for point in script.points} <= points

    @pytest.mark.parametrize("point", sorted({question.point for question in load_questions()}))
    def test_has_enough_of_each_point_to_practise(self, questions, point):
        assert sum(question.point == point for question in questions) >= 5


class TestWriteQuestionTemplate:
    def test_writes_what_can_be_read_back(self, questions, tmp_path):
        path = tmp_path / "bank.xlsx"
        write_question_template(path, questions=questions, created=NOW)
        rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("题库").to_python()
        assert tuple(rows[0]) == COLUMNS
        assert len(rows) == len(questions) + 1
        for row, question in zip(rows[1:], questions, strict=True):
            assert row[1] == question.stem
            assert tuple(option for option in row[2:8] if option) == question.options
            assert (row[8], row[9]) == (question.answer, question.score)

    def test_writes_the_empty_form_with_instructions(self, tmp_path):
        path = tmp_path / "empty.xlsx"
        write_question_template(path, created=NOW)
        book = CalamineWorkbook.from_path(str(path))
        assert book.sheet_names == ["题库", "填写说明"]
        assert len(book.get_sheet_by_name("题库").to_python()) == 1

    def test_writes_the_same_bytes_for_the_same_input(self, questions, tmp_path):
        for name in ("a.xlsx", "b.xlsx"):
            write_question_template(tmp_path / name, questions=questions, created=NOW)
        assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
