from __future__ import annotations

import pytest

from app.demo.journey.answers import right_keys, right_texts
from app.demo.journey.people import load_trainees
from app.demo.journey.stage import free_ports, stage_environment
from app.demo.questions import load_questions


class TestAnswers:
    def test_are_known_for_every_question_of_the_bank(self):
        for question in load_questions():
            assert len(right_texts(question.stem)) == len(question.answer)

    def test_are_found_whatever_the_order_of_the_options(self):
        question = next(one for one in load_questions() if one.kind == "multiple")
        shown = [(f"K{number}", text) for number, text in enumerate(reversed(question.options))]
        chosen = {text for key, text in shown if key in right_keys(question.stem, shown)}
        assert chosen == right_texts(question.stem)

    def test_of_a_foreign_question_are_not_guessed(self):
        with pytest.raises(KeyError):
            right_keys("今天星期几？", [("A", "星期一")])


class TestTrainees:
    def test_are_those_of_the_class(self):
        assert load_trainees()["YS0001001"].phone.startswith("199")
        assert set(load_trainees("220100-2020-YS-0002")).isdisjoint(load_trainees())


class TestStage:
    def test_takes_no_setting_from_whoever_starts_it(self, monkeypatch, tmp_path):
        monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
        monkeypatch.setenv("ZX_STORAGE", "s3")
        environment = stage_environment(tmp_path, web_port=8001, city_port=8002)
        assert "DATABASE_URL" not in environment
        assert "ZX_STORAGE" not in environment
        assert environment["ZX_PUBLIC_URL"] == "http://localhost:8001"

    def test_finds_different_ports(self):
        assert len(set(free_ports(5))) == 5
