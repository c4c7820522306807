from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.chance import Draw
from exam.rules.paper import BankQuestion, draw_paper, is_possible, mark_paper

SEED = bytes(range(32))
OPTIONS = (("A", "甲"), ("B", "乙"), ("C", "丙"), ("D", "丁"))
BANK = [
    BankQuestion(id=f"{n:03d}", kind=kind, content_hash=f"h{n}", stem=f"题{n}", options=options, answer=answer)
    for n, (kind, options, answer) in enumerate(
        [("single", OPTIONS, ("B",))] * 30
        + [("multiple", OPTIONS, ("A", "C"))] * 20
        + [("true_false", (("A", "正确"), ("B", "错误")), ("B",))] * 10
    )
]
COUNTS = {"single": 6, "multiple": 4, "true_false": 2}


def drawn(who: str):
    return draw_paper(BANK, counts=COUNTS, scores={"multiple": 2}, draw=Draw(SEED, "paper", "exam", who))


@pytest.mark.clause("CC-4.1.4a")
class TestDrawPaper:
    def test_gives_the_same_paper_to_the_same_person_again(self):
        assert drawn("a") == drawn("a")

    def test_gives_different_papers_to_different_people(self):
        assert len({drawn(str(n)).paper_hash for n in range(50)}) == 50

    def test_keeps_the_counts_and_numbers_the_questions(self):
        paper = drawn("a")
        assert [question["kind"] for question in paper.questions] == ["single"] * 6 + ["multiple"] * 4 + [
            "true_false"
        ] * 2
        assert [question["no"] for question in paper.questions] == list(range(1, 13))
        assert len({question["question_id"] for question in paper.questions}) == 12

    def test_moves_the_right_answers_with_the_options(self):
        for question in drawn("a").questions:
            key = drawn("a").key[str(question["no"])]
            texts = {option["text"] for option in question["options"] if option["key"] in key}
            assert texts == {"single": {"乙"}, "multiple": {"甲", "丙"}, "true_false": {"错误"}}[question["kind"]]

    def test_shows_no_right_answer(self):
        assert all("answer" not in question for question in drawn("a").questions)


@pytest.mark.clause("CC-A2-4.6")
class TestMarkPaper:
    def test_gives_full_marks_for_the_key(self):
        paper = drawn("a")
        marks = mark_paper(paper.questions, paper.key, {int(no): value for no, value in paper.key.items()})
        assert sum(mark.score for mark in marks) == sum(mark.max_score for mark in marks) == 6 + 8 + 2

    def test_gives_nothing_for_silence(self):
        paper = drawn("a")
        assert all(mark.score == 0 for mark in mark_paper(paper.questions, paper.key, {}))

    @given(st.dictionaries(st.integers(1, 12), st.lists(st.sampled_from("ABCD"), unique=True)))
    def test_gives_points_only_for_exactly_the_right_options(self, answers):
        paper = drawn("a")
        for mark in mark_paper(paper.questions, paper.key, answers):
            right = sorted(answers.get(mark.no, [])) == sorted(paper.key[str(mark.no)])
            assert (mark.score == mark.max_score) is right


class TestIsPossible:
    @pytest.mark.parametrize(
        ("no", "value", "possible"),
        [
            (1, ["A"], True),
            (1, [], True),
            (1, ["A", "B"], False),
            (7, ["A", "B"], True),
            (7, ["A", "A"], False),
            (7, ["E"], False),
            (12, ["C"], False),
            (13, ["A"], False),
            (0, ["A"], False),
            (1, ["AB"], False),
        ],
    )
    def test_knows_the_shape_of_the_paper(self, no: int, value: list[str], possible: bool):
        assert is_possible(drawn("a").shape, no, value) is possible
