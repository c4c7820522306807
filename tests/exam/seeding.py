"""A published exam and a trainee, really committed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.core.ids import new_id
from app.core.work import Work
from app.identity.people import import_person
from exam.models import Exam, QuestionBank
from tests.id_numbers import generated_id_number


def seed_exam(work: Work) -> tuple[UUID, UUID]:
    """Make an exam without questions, and a person: (exam id, person id)."""
    from sqlalchemy import text

    from app.identity.people import import_organization

    organization = import_organization(work, kind="institution", authority_code="JG-1", name="测试机构")
    accounts = [new_id(), new_id()]
    for number, account_id in enumerate(accounts):
        work.session.execute(
            text(
                "INSERT INTO account (id, kind, role, organization_id, login_name, display_name, password_hash,"
                " totp_secret_enc, totp_last_step, created_at)"
                " VALUES (:id, 'staff', 'institution_author', :org, :login, '老师', 'x', 'x', 0, :now)"
            ),
            {"id": account_id, "org": organization.id, "login": f"staff{number}", "now": work.now},
        )
    bank = QuestionBank(course_id=new_id(), organization_id=organization.id, created_at=work.now)
    work.session.add(bank)
    work.session.flush()
    exam = Exam(
        course_id=bank.course_id,
        bank_id=bank.id,
        title="考核",
        counts={"single": 1},
        scores={"single": 1},
        pass_score=1,
        duration_s=int(timedelta(hours=1).total_seconds()),
        status="published",
        designed_by=accounts[0],
        designed_at=work.now,
        published_by=accounts[1],
        published_at=work.now,
    )
    work.session.add(exam)
    work.session.flush()
    person = import_person(work, name="测试学员", id_number=generated_id_number(2), phone="19900000002")
    return exam.id, person.id
