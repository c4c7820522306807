"""The staff at their pages: a course from its first lesson to an opened class, and a trainee's records."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import pytest

from app.core.clock import SystemClock
from app.demo.journey.browser import DESKTOP, Album, open_studio
from app.demo.journey.console import ConsolePages
from app.demo.journey.people import load_trainees
from app.demo.journey.rest import TraineeClient
from app.demo.lessons import make_demo_lessons, make_flv_samples
from app.demo.questions import load_questions, write_question_template
from tests import photos
from tests.journeys.conftest import CACHE, SCREENSHOTS, show_failure, verify_pack

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

COURSE = "居家老人照护（演示）"
CLASS_CODE, CLASS = "220100-2020-YS-0002", "演示二班"
LEARNER = "YS0002001"
TEXTS = {
    "课程名称": COURSE,
    "国家职业技能标准编号": "4-10-01-05",
    "教材名称": "养老护理员（初级）",
    "教材 ISBN": "9787516706022",
    "授课教师姓名": "演示教师",
    "授课教师资质": "高级技师（演示）",
}
FEW = {"single": 12, "multiple": 4, "true_false": 4}


@dataclass
class Story:
    """What the staff saw."""

    faults: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    too_short: str = ""
    may_submit_too_short: bool = True
    import_errors: list[str] = field(default_factory=list)
    missing: str = ""
    may_publish_with_few: bool = True
    pictures: int = 0
    titles: list[str] = field(default_factory=list)
    verdict: str = ""


def play(stage) -> Story:
    story, folder = Story(), stage.var / "console"
    folder.mkdir()
    album = Album(SCREENSHOTS / DESKTOP.name, first=51)
    with open_studio() as studio, studio.screen(DESKTOP, album) as desk, studio.screen(DESKTOP, album) as other:
        desk.faults = other.faults = story.faults
        with show_failure(desk), show_failure(other):
            author, reviewer = ConsolePages(desk, stage.url), ConsolePages(other, stage.url)
            author.sign_in("教务老师")
            reviewer.sign_in("审核老师")
            make_course(author, story)
            fill_bank(author, reviewer, story, folder)
            publish(author, reviewer)
            author.open_class(CLASS, course=COURSE)
    study(stage)
    with open_studio() as studio, studio.screen(DESKTOP, album) as desk, show_failure(desk):
        desk.faults = story.faults
        audit(ConsolePages(desk, stage.url), story, folder)
    return story


def make_course(author, story):
    samples, mp4 = videos()
    author.create_course(TEXTS, trade="养老护理员")
    first = author.add_lesson("老年人跌倒预防")
    author.upload(first, mp4, seconds="1分02秒")
    second = author.add_lesson("洗手与消毒")
    author.upload(second, samples["sorenson"], seconds="8秒")
    story.too_short = second.inner_text()
    author.screen.shot("lesson-too-short")
    author.show_step("送审")
    story.may_submit_too_short = author.page.get_by_role("button", name="送审", exact=True).is_enabled()
    author.screen.shot("submit-refused")
    author.show_step("课件")
    author.upload(second, samples["h264"], seconds="1分02秒")
    story.media = [first.inner_text(), second.inner_text()]
    author.screen.shot("lessons")


def videos():
    """Make one MP4 and two FLV, old and new; kept for the next time."""
    folder = CACHE / "cache" / "videos"
    names = {"h264": folder / "h264.flv", "sorenson": folder / "sorenson.flv"}
    samples = names if all(path.is_file() for path in names.values()) else make_flv_samples(folder)
    return samples, make_demo_lessons(folder)["fall_prevention"]


def fill_bank(author, reviewer, story, folder):
    questions, now = load_questions(), SystemClock().now()
    few = [one for kind, count in FEW.items() for one in [each for each in questions if each.kind == kind][:count]]
    books = {name: folder / f"{name}.xlsx" for name in ("有错误", "前二十题", "其余题目")}
    wrong = [replace(questions[0], answer="E"), replace(questions[1], stem=""), questions[2]]
    write_question_template(books["有错误"], questions=wrong, created=now)
    write_question_template(books["前二十题"], questions=few, created=now)
    write_question_template(books["其余题目"], questions=[one for one in questions if one not in few], created=now)
    author.show_step("题库")
    author.choose_workbook(books["有错误"])
    story.import_errors = author.page.get_by_role("row").all_inner_texts()
    author.screen.shot("bank-errors")
    author.page.get_by_role("button", name="取消").click()
    author.import_workbook(books["前二十题"])
    author.show_step("考核")
    author.set_exam({"单选题": 6, "多选题": 2, "判断题": 2}, pass_score=30)
    reviewer.open_course(COURSE)
    reviewer.show_step("题库")
    reviewer.approve_questions()
    reviewer.show_step("考核")
    warning = reviewer.page.locator(".step-panel .zx-note--warn").filter(has_text="现有 20 道")
    warning.wait_for()  # the numbers follow the approval a moment later
    story.missing = warning.inner_text()
    story.may_publish_with_few = reviewer.page.get_by_role("button", name="发布考核").is_enabled()
    reviewer.screen.shot("exam-missing")
    author.show_step("题库")
    author.import_workbook(books["其余题目"])


def publish(author, reviewer):
    reviewer.page.reload()
    reviewer.show_step("题库")
    reviewer.approve_questions()
    reviewer.screen.shot("bank", whole=False)
    reviewer.show_step("考核")
    reviewer.publish_exam()
    reviewer.screen.shot("exam-published")
    author.show_step("送审")
    author.submit()
    reviewer.page.reload()
    reviewer.show_step("送审")
    reviewer.approve()
    reviewer.show_step("发布")
    reviewer.publish_course()
    reviewer.screen.shot("course-published")


def study(stage):
    """Let a trainee of the new class begin the new course, so that there is something to look at."""
    camera = itertools.count(200, 5)
    trainee = load_trainees(CLASS_CODE)[LEARNER]
    with TraineeClient(stage.url, trainee, burst=lambda: photos.burst("obama", start_s=next(camera))) as client:
        client.sign_in()
        client.answer_consents()
        client.confirm_real_name()
        client.enrol_face(photos.enrolment("obama"))
        mine = client.enrollment(CLASS_CODE)
        path = f"/me/enrollments/{mine['id']}/lessons/{mine['lessons'][0]['lesson_id']}/sessions"
        session = client.post(path, {"device_id": "journey-console"})
        assert client.verify_by_face(session["check_in"]["id"])["outcome"] == "pass"


def audit(auditor, story, folder):
    auditor.sign_in("审计人员")
    trainee = load_trainees(CLASS_CODE)[LEARNER]
    auditor.find_trainee(trainee.id_number, reason="日常抽查", class_name=CLASS)
    story.pictures = auditor.wait_for_pictures()
    story.titles = auditor.page.locator(".item h3").all_inner_texts()
    auditor.screen.shot("trace")
    pack = auditor.download_pack(folder / "pack.zip")
    story.verdict = verify_pack(pack, folder).stdout
    auditor.open_menu("推送状态")
    auditor.page.wait_for_load_state("networkidle")
    auditor.screen.shot("city-status")


class TestCourse:
    @pytest.mark.clause("CC-4.3.4")
    def test_shows_what_the_platform_measured_of_mp4_and_flv(self, story):
        for text in story.media:
            assert "1分02秒" in text
            assert "1280 × 720" in text
            assert "平均音量" in text
        assert "mp4" in story.media[0]
        assert "flv" in story.media[1]

    @pytest.mark.clause("CC-4.3.3")
    def test_with_too_short_a_lesson_goes_no_further(self, story):
        assert "视频太短：1 学时至少要 1分" in story.too_short
        assert not story.may_submit_too_short

    def test_shows_no_error_anywhere(self, story):
        assert story.faults == []


class TestQuestionBank:
    def test_says_which_row_and_column_is_wrong(self, story):
        rows = "\n".join(story.import_errors)
        assert "第 2 行" in rows
        assert "正确答案" in rows
        assert "第 3 行" in rows
        assert "题干" in rows

    @pytest.mark.clause("CC-4.3.5")
    def test_five_times_too_small_keeps_the_exam_back_and_says_by_how_much(self, story):
        assert "还缺 30 道" in story.missing
        assert not story.may_publish_with_few


class TestTrace:
    @pytest.mark.clause("CC-4.1.5", "CC-6.2")
    def test_shows_every_step_with_its_pictures(self, story):
        assert story.pictures >= 3
        assert {"实名认证", "上课签到"} <= set(story.titles)

    @pytest.mark.clause("CC-A2-4.1")
    def test_pack_is_proven_by_the_program_inside_it(self, story):
        assert "OK" in story.verdict
