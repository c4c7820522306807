import pytest

from app.training.vocabulary import LessonKind, Level, PersonCategory


class TestPersonCategory:
    @pytest.mark.clause("CC-1.1")
    def test_is_the_closed_list_of_eleven_groups(self):
        assert len(PersonCategory) == 11
        with pytest.raises(ValueError, match="tourist"):
            PersonCategory("tourist")

    def test_has_a_label_and_a_proof_for_every_group(self):
        assert len({category.label for category in PersonCategory}) == 11
        assert all(category.proof for category in PersonCategory)


class TestLevel:
    def test_counts_down_to_the_senior_technician(self):
        assert [level.label for level in sorted(Level, reverse=True)] == [
            "初级工",
            "中级工",
            "高级工",
            "技师",
            "高级技师",
        ]


class TestLessonKind:
    @pytest.mark.clause("CC-4.0a")
    def test_knows_the_four_kinds(self):
        assert {kind.value for kind in LessonKind} == {"live", "vod", "interactive", "document"}
        assert all(kind.label for kind in LessonKind)
