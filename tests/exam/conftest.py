from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.ids import new_id
from app.core.work import Actor, Work
from app.identity.people import import_organization, import_person
from exam import bank, design
from exam.design import Blueprint
from exam.parameters import ExamRules
from tests.id_numbers import generated_id_number

RULES = ExamRules(attempts=1, bank_ratio=5, biometric_min=1, pdf_required=True, grace_s=3)
SEED = bytes(range(32))
HEAD = ["题型", "题干", "选项A", "选项B", "选项C", "选项D", "正确答案", "知识点", "难度", "解析"]


def sheet(single: int = 0, multiple: int = 0, true_false: int = 0) -> list[list[str]]:
    """Rows of a workbook with distinct questions."""
    rows = [HEAD]
    rows += [["单选题", f"单选第{n}题怎么做", "甲", "乙", "丙", "丁", "A", "手卫生", "易", ""] for n in range(single)]
    rows += [["多选题", f"多选第{n}题怎么做", "甲", "乙", "丙", "丁", "AC", "消毒", "中", ""] for n in range(multiple)]
    rows += [["判断题", f"判断第{n}题对不对", "", "", "", "", "正确", "", "", ""] for n in range(true_false)]
    return rows


@pytest.fixture
def staff(work: Work):
    """Two people of one institution: (author's work, reviewer's work)."""
    from sqlalchemy import text

    organization = import_organization(work, kind="institution", authority_code="JG-1", name="测试机构")
    actors = []
    for name, role in (("author", "institution_author"), ("reviewer", "institution_reviewer")):
        account_id = new_id()
        work.session.execute(
            text(
                "INSERT INTO account (id, kind, role, organization_id, login_name, display_name, password_hash,"
                " totp_secret_enc, totp_last_step, created_at)"
                " VALUES (:id, 'staff', :role, :org, :login, '老师', 'x', 'x', 0, :now)"
            ),
            {"id": account_id, "role": role, "org": organization.id, "login": name, "now": work.now},
        )
        actors.append(Actor(kind=role, account_id=account_id, organization_id=organization.id))
    return replace(work, actor=actors[0]), replace(work, actor=actors[1])


@pytest.fixture
def author(staff) -> Work:
    return staff[0]


@pytest.fixture
def reviewer(staff) -> Work:
    return staff[1]


@pytest.fixture
def course_id():
    return new_id()


@pytest.fixture
def fill(author: Work, reviewer: Work, course_id):
    """Fill the course's bank with approved questions."""

    def fill_bank(**counts: int) -> None:
        bank.import_rows(
            author, course_id, organization_id=author.actor.organization_id, rows=sheet(**counts), dry_run=False
        )
        bank.review(reviewer, course_id, question_ids=None)

    return fill_bank


@pytest.fixture
def exam(author: Work, reviewer: Work, course_id, fill):
    """A published exam of 3 questions, 60 minutes."""
    fill(single=10, multiple=5, true_false=5)
    blueprint = Blueprint(
        title="结业考核",
        counts={"single": 2, "multiple": 1},
        scores={"single": 30, "multiple": 40},
        pass_score=60,
        duration=timedelta(minutes=60),
    )
    design.put_blueprint(author, course_id, blueprint)
    return design.publish(reviewer, course_id, rules=RULES)


@pytest.fixture
def person_id(work: Work):
    return import_person(work, name="测试学员", id_number=generated_id_number(1), phone="19900000001").id


def later(work: Work, seconds: float) -> Work:
    return replace(work, now=work.now + timedelta(seconds=seconds))
