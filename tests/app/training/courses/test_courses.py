"""Courses from the first draft to publication, and who may not do what."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core.ids import new_id
from app.training.catalogue import load_trades
from app.training.courses.authoring import add_lesson, change_course, change_lesson, create_course, remove_lesson
from app.training.courses.models import CourseStep, Lesson
from app.training.courses.queries import get_course, list_courses
from app.training.courses.review import publish_course, review_course, submit_course, take_down_course
from app.training.courses.rules import is_isbn
from app.training.errors import (
    AuthorMayNotReview,
    CourseIncomplete,
    CourseMoveRefused,
    CourseNotFound,
    CourseRefused,
    LessonNotFound,
    LessonTooShort,
    MediaNotFound,
)
from app.training.events import CourseMoved
from tests.app.training.factories import ALL_CHECKS, Cast, course_spec
from tests.app.training.playback.builders import RULES

REAL = replace(RULES, hour_length_s=2_400, claimable=True)


def submitted(cast, **changes):
    course = cast.course(**{"is_demo": True, **changes})
    return submit_course(cast.as_author, course_id=course.id)


def approved(cast, **changes):
    course = submitted(cast, **changes)
    return review_course(cast.as_reviewer, course_id=course.id, approve=True, note="", checks=ALL_CHECKS)


class TestCreateCourse:
    @pytest.mark.clause("CC-4.3.1")
    def test_keeps_standard_and_textbook(self, cast):
        made = create_course(cast.as_author, course_spec(), trades=load_trades())
        assert (made.status, made.textbook_isbn) == ("draft", "9787504500007")
        assert made.standard_code

    @pytest.mark.clause("CC-4.3.1", "CC-4.4")
    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("title", " "),
            ("title", "长" * 121),
            ("standard_code", ""),
            ("textbook_title", ""),
            ("textbook_isbn", "978-7-5045-0000-8"),
            ("trade_code", "CC-999"),
            ("level", "9"),
            ("source", "borrowed"),
        ],
    )
    def test_names_the_member_that_is_wrong(self, cast, member, value):
        with pytest.raises(CourseRefused) as refused:
            create_course(cast.as_author, course_spec(**{member: value}), trades=load_trades())
        assert [error["pointer"] for error in refused.value.extensions["errors"]] == [f"/{member}"]

    @pytest.mark.clause("CC-4.3.2")
    def test_is_seen_by_its_own_organisation_only(self, cast, work):
        made = cast.course()
        other = Cast.make(work, kind="enterprise")
        assert list_courses(work.session, organization_id=other.organization_id) == []
        assert made in list_courses(work.session, organization_id=None)
        with pytest.raises(CourseNotFound):
            get_course(work.session, made.id, organization_id=other.organization_id)
        for act in (
            lambda: add_lesson(other.as_author, course_id=made.id, title="x", hours=1),
            lambda: submit_course(other.as_author, course_id=made.id),
            lambda: change_course(other.as_author, course_spec(), course_id=made.id, trades=load_trades()),
        ):
            with pytest.raises(CourseNotFound):
                act()


class TestLessons:
    def test_are_put_in_order(self, cast):
        course = cast.course(lessons=2)
        add_lesson(cast.as_author, course_id=course.id, title="先讲这个", hours=1, position=1)
        titles = [line.lesson.title for line in get_course(cast.work.session, course.id, organization_id=None).lessons]
        assert titles == ["先讲这个", "第1讲", "第2讲"]

    def test_close_the_gap_when_one_is_removed(self, cast):
        course = cast.course(lessons=3)
        first = get_course(cast.work.session, course.id, organization_id=None).lessons[0].lesson
        remove_lesson(cast.as_author, lesson_id=first.id)
        positions = cast.work.session.scalars(select(Lesson.position).where(Lesson.course_id == course.id)).all()
        assert sorted(positions) == [1, 2]

    @pytest.mark.parametrize(("title", "hours"), [("", 1), ("课", 0), ("课", 9)])
    def test_have_a_title_and_one_to_eight_hours(self, cast, title, hours):
        with pytest.raises(CourseRefused):
            add_lesson(cast.as_author, course_id=cast.course().id, title=title, hours=hours)

    @pytest.mark.clause("CC-4.0a")
    def test_of_a_kind_without_timing_evidence_are_refused(self, cast):
        with pytest.raises(CourseRefused, match="vod"):
            add_lesson(cast.as_author, course_id=cast.course().id, title="直播", hours=1, kind="live")

    def test_take_only_courseware_of_their_own_organisation(self, cast, work):
        lesson = get_course(work.session, cast.course().id, organization_id=None).lessons[0].lesson
        foreign = Cast.make(work).media()
        for media_id in (foreign.id, new_id()):
            with pytest.raises(MediaNotFound):
                change_lesson(cast.as_author, lesson_id=lesson.id, media_id=media_id)

    def test_that_do_not_exist_are_not_found(self, cast):
        for act in (change_lesson, remove_lesson):
            with pytest.raises(LessonNotFound):
                act(cast.as_author, lesson_id=new_id())


class TestSubmit:
    def test_needs_lessons_with_ready_media(self, cast):
        empty = cast.course(lessons=0)
        with pytest.raises(CourseIncomplete, match="还没有课时"):
            submit_course(cast.as_author, course_id=empty.id)
        add_lesson(cast.as_author, course_id=empty.id, title="绪论", hours=1)
        with pytest.raises(CourseIncomplete, match="第1课“绪论”"):
            submit_course(cast.as_author, course_id=empty.id)

    @pytest.mark.clause("CC-4.4")
    def test_of_an_own_course_needs_its_teacher(self, cast):
        course = cast.course(source="own")
        with pytest.raises(CourseIncomplete, match="授课教师"):
            submit_course(cast.as_author, course_id=course.id)
        spec = course_spec(source="own", teacher_name="授课教师一", teacher_qualification="高级技师")
        change_course(cast.as_author, spec, course_id=course.id, trades=load_trades())
        assert submit_course(cast.as_author, course_id=course.id).status == "in_review"

    def test_closes_the_course_for_changes(self, cast):
        course = submitted(cast)
        with pytest.raises(CourseMoveRefused, match="审核中"):
            add_lesson(cast.as_author, course_id=course.id, title="x", hours=1)
        with pytest.raises(CourseMoveRefused):
            submit_course(cast.as_author, course_id=course.id)


class TestReview:
    @pytest.mark.clause("CC-4.3.7")
    def test_is_never_done_by_the_author(self, cast):
        course = submitted(cast)
        both = cast.as_(replace(cast.author, kind="institution_reviewer"))
        with pytest.raises(AuthorMayNotReview):
            review_course(both, course_id=course.id, approve=True, note="", checks=ALL_CHECKS)

    @pytest.mark.clause("CC-4.3.1", "CC-4.3.7")
    @pytest.mark.parametrize("missing", ["standard", "textbook", "content"])
    def test_approves_only_with_every_check_ticked(self, cast, missing):
        course = submitted(cast)
        with pytest.raises(CourseRefused):
            review_course(
                cast.as_reviewer, course_id=course.id, approve=True, note="", checks=ALL_CHECKS | {missing: False}
            )

    def test_rejects_with_a_reason_and_opens_the_course_again(self, cast):
        course = submitted(cast)
        with pytest.raises(CourseRefused):
            review_course(cast.as_reviewer, course_id=course.id, approve=False, note=" ", checks={})
        review_course(cast.as_reviewer, course_id=course.id, approve=False, note="画面不清", checks={})
        assert (course.status, course.review_note) == ("rejected", "画面不清")
        add_lesson(cast.as_author, course_id=course.id, title="补充", hours=1)

    def test_keeps_every_move(self, cast, work):
        seen = []
        work.bus.on(CourseMoved, lambda _work, event: seen.append(event.to_status))
        course = approved(cast)
        steps = work.session.scalars(
            select(CourseStep).where(CourseStep.course_id == course.id).order_by(CourseStep.id)
        ).all()
        assert [(step.from_status, step.to_status) for step in steps] == [
            ("draft", "in_review"),
            ("in_review", "approved"),
        ]
        assert steps[1].checks == ALL_CHECKS
        assert seen == ["in_review", "approved"]


class TestPublish:
    @pytest.mark.clause("CC-4.3.7")
    def test_is_never_done_by_the_author_nor_without_approval(self, cast):
        course = approved(cast)
        with pytest.raises(AuthorMayNotReview):
            publish_course(cast.as_author, course_id=course.id, rules=RULES)
        draft = submitted(cast)
        with pytest.raises(CourseMoveRefused):
            publish_course(cast.as_reviewer, course_id=draft.id, rules=RULES)

    @pytest.mark.clause("CC-4.3.7")
    def test_by_the_author_is_refused_by_the_database_itself(self, cast, work):
        course = approved(cast)
        course.status, course.published_by = "published", cast.author.account_id
        with pytest.raises(IntegrityError):
            work.session.flush()

    @pytest.mark.clause("CC-4.3.3")
    def test_refuses_media_shorter_than_its_hours_and_says_by_how_much(self, cast):
        course = approved(cast, is_demo=False, lessons=1, hours=2, duration_s=4_799)
        with pytest.raises(LessonTooShort) as refused:
            publish_course(cast.as_reviewer, course_id=course.id, rules=REAL)
        assert refused.value.detail == "第1课“第1讲”：2学时至少需要80分钟，课件只有79分59秒"

    @pytest.mark.clause("CC-4.3.3")
    def test_accepts_forty_minutes_an_hour(self, cast):
        course = approved(cast, is_demo=False, lessons=1, hours=1, duration_s=2_400)
        assert publish_course(cast.as_reviewer, course_id=course.id, rules=REAL).status == "published"

    def test_measures_demonstrations_by_their_own_rules_only(self, cast):
        for is_demo, rules in ((True, REAL), (False, RULES)):
            course = approved(cast, is_demo=is_demo, duration_s=2_400)
            with pytest.raises(CourseRefused, match="演示"):
                publish_course(cast.as_reviewer, course_id=course.id, rules=rules)

    @pytest.mark.clause("CC-4.3.7")
    def test_can_be_taken_down_with_a_reason_and_never_comes_back(self, cast):
        course = cast.published()
        with pytest.raises(CourseRefused):
            take_down_course(cast.as_reviewer, course_id=course.id, reason=" ")
        take_down_course(cast.as_reviewer, course_id=course.id, reason="教材换版")
        with pytest.raises(CourseMoveRefused):
            publish_course(cast.as_reviewer, course_id=course.id, rules=RULES)


class TestIsIsbn:
    @pytest.mark.parametrize("text", ["9787504500007", "978-7-5045-0000-7", "979 10 90636 07 1"])
    def test_accepts_the_right_check_digit(self, text):
        assert is_isbn(text)

    @pytest.mark.parametrize("text", ["9787504500008", "978750450000", "9777504500000", "九七八", "", "٩787504500007"])
    def test_refuses_everything_else(self, text):
        assert not is_isbn(text)
