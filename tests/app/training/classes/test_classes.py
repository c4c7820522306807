"""Classes from the authority's list to opening and closing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import func, select

from app.core.chance import commitment_of
from app.core.ids import new_id
from app.training.classes.imports import RosterEntry, import_class, import_roster
from app.training.classes.models import ClassStep
from app.training.classes.moves import transition
from app.training.classes.opening import close_class, get_seed, open_class
from app.training.classes.queries import get_class, list_classes, missing_for_start, trainees_of
from app.training.errors import (
    ClassMoveRefused,
    ClassNotFound,
    ClassNotStartable,
    ClassRefused,
    CourseNotFound,
    CourseUnsuitable,
    LessonTooShort,
    RosterMismatch,
    TooManyOnlineHours,
)
from app.training.events import ClassClosed, ClassOpened, ClassReminded, RosterChanged
from app.training.models import Enrollment, LessonProgress, TrainingClass
from tests.app.training.factories import Cast, class_spec, make_person
from tests.app.training.playback.builders import RULES


def roster(cast, *people, sha="b" * 64, class_id, category="employee"):
    entries = [
        RosterEntry(person_id=person, learner_ref=f"XY{n:03}", category_code=category)
        for n, person in enumerate(people, start=1)
    ]
    import_roster(cast.work, class_id=class_id, roster_sha256=sha, entries=entries)


def steps(work, class_id) -> list[str]:
    return list(work.session.scalars(select(ClassStep.kind).where(ClassStep.class_id == class_id)))


class TestImportClass:
    @pytest.mark.clause("CC-5.3.2f")
    def test_twice_changes_nothing_the_second_time(self, cast, work):
        spec = class_spec(cast.organization_id)
        first = import_class(work, spec, rules=RULES)
        assert import_class(work, spec, rules=RULES) is first
        assert steps(work, first.id) == ["imported"]

    def test_takes_over_what_the_authority_changed(self, cast, work):
        spec = class_spec(cast.organization_id)
        found = import_class(work, spec, rules=RULES)
        import_class(work, replace(spec, name="新名称", end_on=date(2026, 5, 1)), rules=RULES)
        assert (found.name, found.end_on) == ("新名称", date(2026, 5, 1))
        assert steps(work, found.id) == ["imported", "changed"]

    def test_keeps_the_rules_of_an_open_class(self, cast, work):
        found = cast.opened()
        spec = class_spec(cast.organization_id, code=found.code, planned_hours=100, name="新名称")
        import_class(work, spec, rules=replace(RULES, hour_length_s=1))
        import_class(work, spec, rules=replace(RULES, hour_length_s=1))
        assert (found.name, found.planned_hours, found.lesson_rules["hour_length_s"]) == ("新名称", 80, 60)
        details = work.session.scalars(
            select(ClassStep.details).where(ClassStep.class_id == found.id, ClassStep.kind == "changed")
        ).all()
        assert details[0] == {"changed": ["name"], "not_applied": ["planned_hours"]}
        assert len(details) == 2

    @pytest.mark.parametrize("changes", [{"end_on": date(2020, 1, 1)}, {"planned_hours": 0}, {"online_hours": 81}])
    def test_refuses_what_does_not_fit_together(self, cast, work, changes):
        with pytest.raises(ClassRefused):
            import_class(work, class_spec(cast.organization_id, **changes), rules=RULES)


class TestStartable:
    @pytest.mark.clause("CC-5.3.2e", "CC-5.3.2f")
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"approval_no": None}, "批准"),
            ({"approved_at": None}, "批准"),
            ({"approved_at": datetime(2026, 3, 9, tzinfo=UTC)}, "尚未生效"),
            ({"supervision_profile": None}, "监管要求"),
        ],
    )
    def test_needs_approval_and_supervision_profile(self, cast, work, changes, words):
        found = cast.startable(**changes)
        assert found.status == "imported"
        assert words in "；".join(missing_for_start(found, now=work.now))
        with pytest.raises(ClassNotStartable, match=words):
            open_class(cast.as_author, class_id=found.id, course_id=cast.published().id)

    @pytest.mark.clause("CC-5.3.2f")
    def test_needs_the_roster(self, cast, work):
        found = import_class(work, class_spec(cast.organization_id), rules=RULES)
        assert found.status == "imported"
        with pytest.raises(ClassNotStartable, match="名册"):
            open_class(cast.as_author, class_id=found.id, course_id=cast.published().id)
        roster(cast, make_person(work), class_id=found.id)
        assert found.status == "startable"

    def test_is_lost_when_the_approval_is_taken_back(self, cast, work):
        found = cast.startable()
        import_class(work, class_spec(cast.organization_id, code=found.code, approval_no=None), rules=RULES)
        assert found.status == "imported"


class TestImportRoster:
    @pytest.mark.clause("CC-5.3.2f")
    def test_keeps_its_hash_and_removes_without_deleting(self, cast, work):
        found = import_class(work, class_spec(cast.organization_id), rules=RULES)
        one, two = make_person(work), make_person(work)
        roster(cast, one, two, class_id=found.id)
        roster(cast, one, class_id=found.id, sha="c" * 64)
        assert found.roster_sha256 == "c" * 64
        rows = cast.enrollments(found.id)
        assert [row.removed_at is None for row in rows] == [True, False]
        roster(cast, one, two, class_id=found.id, sha="d" * 64)
        assert [row.removed_at is None for row in cast.enrollments(found.id)] == [True, True]

    def test_twice_changes_nothing_the_second_time(self, cast, work):
        found = cast.startable(people=2)
        roster(cast, make_person(work), class_id=found.id, sha=found.roster_sha256)
        assert len(cast.enrollments(found.id)) == 2

    def test_of_an_open_class_lays_out_lessons_for_those_who_came(self, cast, work):
        seen = []
        work.bus.on(RosterChanged, lambda _work, event: seen.append(event))
        work.bus.on(ClassReminded, lambda _work, event: seen.append(event))
        found = cast.opened()
        [stays] = cast.enrollments(found.id)
        seen.clear()
        entries = [
            RosterEntry(person_id=stays.person_id, learner_ref=stays.learner_ref, category_code="employee"),
            RosterEntry(person_id=make_person(work), learner_ref="NEW", category_code="graduate"),
        ]
        import_roster(work, class_id=found.id, roster_sha256="e" * 64, entries=entries)
        count = select(func.count()).select_from(LessonProgress).join(Enrollment)
        assert work.session.scalars(count.where(Enrollment.class_id == found.id)).one() == 4
        assert [type(event).__name__ for event in seen] == ["RosterChanged", "ClassReminded"]
        assert [learner.learner_ref for learner in seen[0].added] == ["NEW"]

    def test_refuses_an_empty_one_a_double_one_and_an_unknown_category(self, cast, work):
        found = import_class(work, class_spec(cast.organization_id), rules=RULES)
        person = make_person(work)
        with pytest.raises(RosterMismatch, match="空"):
            roster(cast, class_id=found.id)
        with pytest.raises(RosterMismatch, match="重复"):
            roster(cast, person, person, class_id=found.id)
        with pytest.raises(RosterMismatch, match="人员类别"):
            roster(cast, person, class_id=found.id, category="tourist")

    def test_refuses_another_person_under_a_known_number(self, cast, work):
        found = cast.startable()
        with pytest.raises(RosterMismatch, match="发生变化"):
            roster(cast, make_person(work), class_id=found.id)

    def test_of_an_unknown_class_is_not_found(self, cast, work):
        with pytest.raises(ClassNotFound):
            roster(cast, make_person(work), class_id=new_id())


class TestOpenClass:
    @pytest.mark.clause("CC-5.3.2e", "CC-5.3.2f", "CC-A2-4.3")
    def test_commits_a_seed_lays_out_lessons_and_reminds_everybody(self, cast, work):
        opened, reminded = [], []
        work.bus.on(ClassOpened, lambda _work, event: opened.append(event))
        work.bus.on(ClassReminded, lambda _work, event: reminded.append(event))
        found = cast.opened(people=3, lessons=2)
        [event] = opened
        assert event.seed_commitment == found.seed_commitment == commitment_of(get_seed(work, found.id))
        assert [learner.learner_ref for learner in event.learners] == ["XY001", "XY002", "XY003"]
        assert len(reminded) == 3
        statuses = work.session.scalars(
            select(LessonProgress.status).join(Enrollment).where(Enrollment.class_id == found.id)
        ).all()
        assert sorted(statuses) == ["locked"] * 3 + ["open"] * 3

    def test_opens_once(self, cast):
        found = cast.opened()
        with pytest.raises(ClassMoveRefused):
            open_class(cast.as_author, class_id=found.id, course_id=found.course_id)

    def test_is_not_found_by_another_organisation(self, cast, work):
        found = cast.startable()
        other = Cast.make(work)
        with pytest.raises(ClassNotFound):
            open_class(other.as_author, class_id=found.id, course_id=other.published().id)

    def test_needs_a_course_that_exists(self, cast):
        with pytest.raises(CourseNotFound):
            open_class(cast.as_author, class_id=cast.startable().id, course_id=new_id())

    @pytest.mark.clause("CC-4.3.2", "CC-4.3.7")
    def test_needs_a_published_course_of_its_own_trade_and_kind(self, cast, work):
        refusals = {
            "尚未发布": (cast.course(is_demo=True), cast.startable()),
            "其他单位": (Cast.make(work).published(), cast.startable()),
            "工种": (cast.published(trade_code="CC-001"), cast.startable()),
            "等级": (cast.published(level="4"), cast.startable()),
            "演示课程不能": (cast.published(), cast.startable(is_claimable=True)),
        }
        for words, (course, found) in refusals.items():
            with pytest.raises(CourseUnsuitable, match=words):
                open_class(cast.as_author, class_id=found.id, course_id=course.id)

    def test_of_a_demonstration_takes_no_real_course(self, cast):
        real = replace(RULES, claimable=True)
        course = cast.published(is_demo=False, rules=real)
        with pytest.raises(CourseUnsuitable, match="演示班级只能"):
            open_class(cast.as_author, class_id=cast.startable().id, course_id=course.id)

    @pytest.mark.clause("CC-4.0b")
    def test_refuses_more_than_half_of_the_hours_online(self, cast):
        course = cast.published()
        found = cast.startable(planned_hours=79)
        with pytest.raises(TooManyOnlineHours, match="50%"):
            open_class(cast.as_author, class_id=found.id, course_id=course.id)

    @pytest.mark.clause("CC-4.0b")
    def test_accepts_exactly_half(self, cast):
        course = cast.published(lessons=2, hours=1)
        found = cast.startable(planned_hours=4, online_hours=2)
        assert open_class(cast.as_author, class_id=found.id, course_id=course.id).status == "open"

    def test_refuses_a_course_with_more_hours_than_approved(self, cast):
        course = cast.published(lessons=3)
        found = cast.startable(planned_hours=4, online_hours=2)
        with pytest.raises(TooManyOnlineHours, match="课程共3学时"):
            open_class(cast.as_author, class_id=found.id, course_id=course.id)

    def test_follows_the_share_of_the_pack(self, cast):
        course = cast.published()
        found = cast.startable(planned_hours=40, online_hours=40, online_max_share=Fraction(1))
        assert open_class(cast.as_author, class_id=found.id, course_id=course.id).status == "open"

    @pytest.mark.clause("CC-4.3.3")
    def test_measures_the_course_by_the_hour_of_the_class(self, cast):
        course = cast.published()
        found = cast.startable(rules=replace(RULES, hour_length_s=2_700))
        with pytest.raises(LessonTooShort, match="45分钟"):
            open_class(cast.as_author, class_id=found.id, course_id=course.id)


class TestCloseClass:
    def test_reveals_the_seed_after_the_last_day(self, cast, work):
        seen = []
        work.bus.on(ClassClosed, lambda _work, event: seen.append(event))
        found = cast.opened()
        with pytest.raises(ClassMoveRefused):
            close_class(work, class_id=found.id)
        close_class(replace(work, now=work.now + timedelta(days=40)), class_id=found.id)
        assert found.status == "closed"
        assert commitment_of(bytes.fromhex(seen[0].seed)) == found.seed_commitment

    def test_has_no_seed_before_it_opens(self, cast, work):
        with pytest.raises(ClassNotFound):
            get_seed(work, cast.startable().id)

    def test_goes_no_other_way(self, cast, work):
        with pytest.raises(ClassMoveRefused):
            transition(work, cast.startable(), "closed", details={})


class TestQueries:
    def test_are_scoped_to_the_organisation(self, cast, work):
        found = cast.opened(people=2)
        other = Cast.make(work)
        assert list_classes(work.session, organization_id=other.organization_id) == []
        [line] = list_classes(work.session, organization_id=cast.organization_id)
        assert (line.training_class, line.headcount) == (found, 2)
        assert get_class(work.session, found.id, organization_id=None) is found
        with pytest.raises(ClassNotFound):
            get_class(work.session, found.id, organization_id=other.organization_id)

    def test_show_the_progress_of_every_trainee(self, cast, work):
        found = cast.opened(people=2, lessons=2)
        lines = trainees_of(work.session, found.id)
        assert [(line.totals.lessons_done, line.totals.lessons_total) for line in lines] == [(0, 2), (0, 2)]
        assert work.session.get(TrainingClass, found.id) is found
