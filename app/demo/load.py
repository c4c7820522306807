"""Load what a visitor needs to look around: staff accounts, two courses, the city's classes, opened.

Everything goes through the same services as in real life: a second person reviews, the bank obeys the five-times rule,
the media are measured, the classes come from the city. Running it again adds only what is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyotp
from sqlalchemy import select

from app.core.work import Actor, Work
from app.demo.lessons import LONG_S, SHORT_S, load_scripts, make_demo_lessons
from app.demo.questions import load_questions, write_question_template
from app.identity.models import Account, Organization
from app.identity.people import import_organization
from app.identity.rules.passwords import approve_password
from app.identity.staff import create_staff
from app.policy.parameters import exam_rules, lesson_rules
from app.realname import pull
from app.realname.ports import Failure
from app.training.adapters.workshop import ChildWorkshop
from app.training.catalogue import load_trades
from app.training.classes.opening import open_class
from app.training.courses.authoring import CourseSpec, add_lesson, change_lesson, create_course
from app.training.courses.review import publish_course, review_course, submit_course
from app.training.media.intake import register_media
from app.training.media.processing import process_media
from app.training.models import Course, TrainingClass
from app.wiring import Platform
from app.wiring.supervision import class_terms
from exam import bank, design
from exam.adapters.workbook import read_workbook
from exam.design import Blueprint
from storage.rules import RetentionClass
from storage.service import record_sealed, store_bytes

DEMO_PASSWORD = "Zhengxue-demo-2026"  # noqa: S105 - printed for visitors, exists in demonstrations only
BUREAU = "长春市人力资源和社会保障局（演示）"
REAL_CODE, DEMO_CODE = "220100-2020-YL-0087", "220100-2020-YS-0001"
ACCOUNTS = "demo/accounts.json"
REAL_LESSONS, DEMO_LESSONS = 2, 2

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Staff:
    """A demonstration account to make."""

    login: str
    role: str
    title: str


_STAFF = (
    _Staff("teacher01", "institution_author", "培训机构 · 教务老师"),
    _Staff("reviewer01", "institution_reviewer", "培训机构 · 审核老师"),
    _Staff("auditor01", "bureau_auditor", "人社局 · 审计人员"),
    _Staff("operator01", "operator", "平台 · 运维人员"),
)


def load_demo(platform: Platform, *, say: Say) -> str:
    """Load the demonstration data; harmless when repeated.

    Args:
        platform: The platform; its city must answer.
        say: Told about each step.

    Returns:
        The accounts, as text for the person who started it.
    """
    path = platform.settings.var_dir / ACCOUNTS
    loader = _Loader(platform, say, path)
    loader.pull()
    loader.make_staff()
    loader.make_course(
        DEMO_CODE,
        title="养老护理员（初级）演示课程",
        count=DEMO_LESSONS,
        duration_s=SHORT_S,
        blueprint=_blueprint({"single": 6, "multiple": 2, "true_false": 2}, minutes=10),
    )
    loader.make_course(
        REAL_CODE,
        title="养老护理员（初级）",
        count=REAL_LESSONS,
        duration_s=LONG_S,
        blueprint=_blueprint({"single": 16, "multiple": 5, "true_false": 5}, minutes=60),
    )
    return loader.greeting()


def _blueprint(counts: dict[str, int], *, minutes: int) -> Blueprint:
    scores = {"single": 1, "multiple": 2, "true_false": 1}
    total = sum(counts[kind] * scores[kind] for kind in counts)
    return Blueprint(
        title="养老护理员（初级）结业考核",
        counts=counts,
        scores=scores,
        pass_score=-(-total * 6 // 10),
        duration=timedelta(minutes=minutes),
    )


class _Loader:
    """Does the steps; remembers nothing that is not in the database or the accounts file."""

    def __init__(self, platform: Platform, say: Say, path: Path) -> None:
        self._platform = platform
        self._say = say
        self._path = path
        self._accounts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def pull(self) -> None:
        """Take over classes, rosters and institutions from the city."""
        self._say("从实名制系统同步班级和名册")
        pull.pull(unit=self._platform.unit, city=self._platform.city, terms=class_terms(self._platform.packs))

    def make_staff(self) -> None:
        """Make the accounts of institution, bureau and operator."""
        with self._platform.unit() as work:
            institution = self._institution(work)
            bureau = import_organization(
                work,
                kind="bureau",
                authority_code="RSJ-220100",
                name="长春市人力资源和社会保障局（演示）",
                region="220100",
            ).id
            operator = import_organization(
                work, kind="operator", authority_code="YY-P001", name=self._platform.settings.operator_name, region=None
            ).id
        homes = {"bureau_auditor": bureau, "operator": operator}
        secrets = self._accounts.setdefault("totp", {})
        for one in _STAFF:
            secrets.setdefault(one.login, pyotp.random_base32())
        self._save()
        for one in _STAFF:
            with self._platform.unit() as work:
                if self._account(work, one.login) is not None:
                    continue
                create_staff(
                    work,
                    role=one.role,
                    organization_id=homes.get(one.role, institution),
                    login_name=one.login,
                    display_name=one.title,
                    password=approve_password(DEMO_PASSWORD, login_name=one.login),
                    totp_secret=secrets[one.login],
                )

    def make_course(self, class_code: str, *, title: str, count: int, duration_s: int, blueprint: Blueprint) -> None:
        """Make a course, have it reviewed and published, and open its class with it."""
        with self._platform.unit() as work:
            training_class = work.session.scalars(select(TrainingClass).where(TrainingClass.code == class_code)).one()
            if training_class.status != "startable":
                return
            found = work.session.scalars(select(Course).where(Course.title == title)).one_or_none()
            course_id, status = (found.id, found.status) if found else (None, None)
            facts = (training_class.id, training_class.trade_code, training_class.level, training_class.is_claimable)
        class_id, trade_code, level, is_claimable = facts
        if course_id is None:
            self._say(f"制作课程：{title}")
            course_id, status = self._author(title, trade_code, level, is_demo=not is_claimable), "draft"
        if status == "draft":
            self._fill(course_id, count=count, duration_s=duration_s, blueprint=blueprint)
        if status in {"draft", "in_review", "approved"}:
            self._publish(course_id, class_code)
        with self._as("teacher01") as work:
            open_class(work, class_id=class_id, course_id=course_id)

    def greeting(self) -> str:
        """Write the accounts down for the visitor."""
        roster = self._platform.city.pull_roster(DEMO_CODE)
        if not isinstance(roster, Failure) and roster.rows:
            first = roster.rows[0]
            self._accounts["trainee"] = {"name": first.name, "id_number": first.id_no, "phone": first.phone}
        self._accounts["password"] = DEMO_PASSWORD
        self._accounts["staff"] = [{"login": one.login, "title": one.title} for one in _STAFF]
        self._save()
        trainee = self._accounts.get("trainee", {})
        base = self._platform.settings.public_url
        lines = [
            "演示账号（虚构人员，仅用于演示）",
            f"  学员  {base}/  手机号 {trainee.get('phone')}，短信验证码见 {base}/outbox",
            f"        实名信息：{trainee.get('name')}  {trainee.get('id_number')}",
            f"  机构、人社局、运维  {base}/console/  密码均为 {DEMO_PASSWORD}，动态口令也在 {base}/outbox 页面",
            *(f"        {one.login}  {one.title}" for one in _STAFF),
        ]
        return "\n".join(lines)

    # Steps of a course

    def _author(self, title: str, trade_code: str, level: str, *, is_demo: bool) -> UUID:
        with self._as("teacher01") as work:
            return create_course(
                work,
                CourseSpec(
                    title=title,
                    trade_code=trade_code,
                    level=level,
                    standard_code="4-10-01-05",
                    textbook_title="养老护理员（初级）",
                    textbook_isbn="9787516706022",
                    source="own",
                    teacher_name="演示教师",
                    teacher_qualification="养老护理高级技师（演示）",
                    is_demo=is_demo,
                ),
                trades=load_trades(),
            ).id

    def _fill(self, course_id: UUID, *, count: int, duration_s: int, blueprint: Blueprint) -> None:
        folder = self._platform.settings.var_dir / "demo" / f"lessons-{duration_s}"
        videos = make_demo_lessons(folder, duration_s=duration_s)
        for script in load_scripts()[:count]:
            self._say(f"处理课件：{script.title}")
            with self._as("teacher01") as work:
                lesson_id = add_lesson(work, course_id=course_id, title=script.title, hours=1).id
            media_id = self._media(videos[script.key], f"{script.title}.mp4")
            with self._as("teacher01") as work:
                change_lesson(work, lesson_id=lesson_id, media_id=media_id)
        self._say("导入题库并由另一位老师审核")
        book = folder / "question-bank.xlsx"
        write_question_template(book, questions=load_questions(), created=self._platform.clock.now())
        rows = read_workbook(book.read_bytes())
        with self._as("teacher01") as work:
            organization_id = work.actor.organization_id or course_id
            bank.import_rows(work, course_id, organization_id=organization_id, rows=rows, dry_run=False)
        with self._as("reviewer01") as work:
            bank.review(work, course_id, question_ids=None)
        with self._as("teacher01") as work:
            design.put_blueprint(work, course_id, blueprint)

    def _media(self, video: Path, name: str) -> UUID:
        data = video.read_bytes()
        with self._platform.unit() as work:
            now = work.now
        sealed = store_bytes(
            self._platform.store,
            data,
            kind="courseware",
            media_type="video/mp4",
            retention=RetentionClass.COURSEWARE,
            now=now,
        )
        marker = UUID(bytes=hashlib.sha256(str(sealed.ref.id).encode()).digest()[:16])
        with self._as("teacher01") as work:
            record_sealed(work.session, sealed, now=work.now, created_by=work.actor.account_id)
            media_id = register_media(work, upload_id=marker, source=sealed.ref, file_name=name).id
        process_media(self._platform.unit, self._platform.store, media_id, workshop=ChildWorkshop())
        return media_id

    def _publish(self, course_id: UUID, class_code: str) -> None:
        self._say("送审、审核、发布课程与考核")
        with self._platform.unit() as work:
            pack_ref = work.session.scalars(
                select(TrainingClass.pack_ref).where(TrainingClass.code == class_code)
            ).one()
            status = work.session.get_one(Course, course_id).status
        pack = self._platform.packs[pack_ref]
        if status == "draft":
            with self._as("teacher01") as work:
                submit_course(work, course_id=course_id)
        if status in {"draft", "in_review"}:
            with self._as("reviewer01") as work:
                checks = {"standard": True, "textbook": True, "content": True}
                review_course(work, course_id=course_id, approve=True, note="演示课程，内容已核对", checks=checks)
        with self._as("reviewer01") as work:
            publish_course(work, course_id=course_id, rules=lesson_rules(pack))
            design.publish(work, course_id, rules=exam_rules(pack))

    # Who acts

    @contextmanager
    def _as(self, login: str) -> Iterator[Work]:
        with self._platform.unit() as work:
            account = self._account(work, login)
            if account is None:
                raise LookupError(login)
            actor = Actor(kind=account.role, account_id=account.id, organization_id=account.organization_id)
            yield replace(work, actor=actor)

    def _account(self, work: Work, login: str) -> Account | None:
        return work.session.scalars(select(Account).where(Account.login_name == login)).one_or_none()

    def _institution(self, work: Work) -> UUID:
        return work.session.scalars(
            select(Organization.id)
            .join(TrainingClass, TrainingClass.organization_id == Organization.id)
            .where(TrainingClass.code == REAL_CODE)
        ).one()

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._accounts, ensure_ascii=False, indent=1), encoding="utf-8")
