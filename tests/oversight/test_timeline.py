from __future__ import annotations

import pytest

from app.oversight.timeline import duration, summary_of, title_of
from app.realname.protocol import EventType

pytestmark = pytest.mark.clause("CC-4.1.5", "CC-6.2")

LESSON = {
    "lesson_no": 1,
    "lesson_title": "手卫生",
    "round": 1,
    "hours_granted": 1,
    "media_seconds": 2412,
    "excluded_seconds": {"no_contact": 30, "page_hidden": 5},
    "checkins_required": 1,
    "checkins_passed": 1,
    "heartbeat_count": 161,
}
FACE = {
    "lesson_no": 2,
    "round": 1,
    "purpose": "random",
    "result": "passed",
    "method": "face",
    "due_time": "2026-03-02T09:14:07.000+08:00",
    "window_s": 40,
    "attempts": 2,
    "verdict": {"distance_e4": 3120, "threshold_e4": 4500},
}


class TestSummary:
    def test_of_a_lesson_tells_hours_time_and_what_did_not_count(self):
        assert summary_of("lesson.completed", LESSON) == (
            "第 1 课《手卫生》完成，认定 1 学时，观看 40 分 12 秒，未计 35 秒，"
            "随机打卡应做 1 次，通过 1 次，依据 161 条学习心跳"
        )

    def test_of_a_repeated_lesson_tells_the_round(self):
        assert summary_of("lesson.completed", LESSON | {"round": 2}).startswith("第 1 课《手卫生》（第 2 遍）完成")

    def test_of_a_check_in_tells_the_figures_of_the_comparison(self):
        assert summary_of("checkin.completed", FACE) == (
            "第 2 课随机打卡通过，方式：人脸比对，人脸距离 0.3120，阈值 0.4500，"
            "发起于 3月2日 09:14:07，限时 40 秒，作答 2 次"
        )

    def test_of_a_missed_check_in_says_so(self):
        missed = FACE | {"result": "missed", "method": None, "verdict": {}, "attempts": 0}
        assert summary_of("checkin.completed", missed) == "第 2 课随机打卡超时未做，发起于 3月2日 09:14:07，限时 40 秒"

    def test_of_a_make_up_says_so(self):
        assert "补打卡通过" in summary_of("checkin.completed", FACE | {"purpose": "make_up"})

    def test_of_marks_tells_points_and_outcome(self):
        graded = {
            "objective_score": 55,
            "subjective_score": 0,
            "total": 100,
            "pass_score": 60,
            "outcome": "failed",
            "identity_checks": 1,
        }
        assert summary_of("exam.graded", graded) == (
            "得分 55 分，满分 100 分，合格线 60 分，结果：不合格，身份核验通过 1 次"
        )

    def test_of_eligibility_gives_the_reasons(self):
        payload = {
            "eligible": False,
            "reasons": ["hours_incomplete", "exam_not_passed"],
            "online_hours_valid": 1,
            "online_hours_planned": 2,
        }
        assert summary_of("certificate.eligibility", payload).startswith("不符合发证条件：学时未完成、考试不合格")

    @pytest.mark.parametrize("event_type", [*EventType, "class.roster_changed"])
    def test_knows_every_event_and_takes_a_bare_payload(self, event_type):
        assert title_of(event_type) != "本版本不认识的记录"
        assert isinstance(summary_of(event_type, {}), str)

    def test_says_when_it_does_not_know_an_event(self):
        assert (title_of("x.y"), summary_of("x.y", {})) == ("本版本不认识的记录", "事件类型 x.y")


class TestDuration:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0, "0 秒"), (59, "59 秒"), (60, "1 分"), (2412, "40 分 12 秒"), (3605, "1 小时 5 秒"), (None, "—")],
    )
    def test_is_written_as_people_say_it(self, seconds, text):
        assert duration(seconds) == text
