"""Tables of exam.

Revision: 0006_exam
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.append_only import forbid_change_sql

revision = "0006_exam"
down_revision = "0005_proctoring"
branch_labels = None
depends_on = None

APPEND_ONLY = ("answer_record",)


def upgrade() -> None:
    op.create_table(
        "question_bank",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_bank")),
        sa.UniqueConstraint("course_id", name=op.f("uq_question_bank_course_id")),
    )
    op.create_table(
        "gate_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("progress_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt_no", sa.BigInteger(), nullable=False),
        sa.Column("questions", JSONB(), nullable=False),
        sa.Column("key", JSONB(), nullable=False),
        sa.Column("pass_score", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answers", JSONB(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_gate_attempt_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_attempt")),
        sa.UniqueConstraint("progress_id", "attempt_no", name=op.f("uq_gate_attempt_progress_id_attempt_no")),
    )
    op.create_index(
        "uq_gate_attempt_progress_id_open",
        "gate_attempt",
        ["progress_id"],
        unique=True,
        postgresql_where="submitted_at IS NULL",
    )
    op.create_table(
        "exam",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("bank_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("counts", JSONB(), nullable=False),
        sa.Column("scores", JSONB(), nullable=False),
        sa.Column("pass_score", sa.BigInteger(), nullable=False),
        sa.Column("duration_s", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("designed_by", sa.Uuid(), nullable=False),
        sa.Column("designed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('draft', 'published')", name=op.f("ck_exam_status_known")),
        sa.CheckConstraint("duration_s > 0", name=op.f("ck_exam_duration_positive")),
        sa.CheckConstraint("published_by IS DISTINCT FROM designed_by", name=op.f("ck_exam_second_person")),
        sa.ForeignKeyConstraint(["bank_id"], ["question_bank.id"], name=op.f("fk_exam_bank_id_question_bank")),
        sa.ForeignKeyConstraint(["designed_by"], ["account.id"], name=op.f("fk_exam_designed_by_account")),
        sa.ForeignKeyConstraint(["published_by"], ["account.id"], name=op.f("fk_exam_published_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exam")),
        sa.UniqueConstraint("course_id", name=op.f("uq_exam_course_id")),
    )
    op.create_table(
        "question",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("stem", sa.String(), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("answer", JSONB(), nullable=False),
        sa.Column("knowledge_point", sa.String(), nullable=False),
        sa.Column("difficulty", sa.String(), nullable=False),
        sa.Column("explanation", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('single', 'multiple', 'true_false')", name=op.f("ck_question_kind_known")),
        sa.CheckConstraint("status IN ('draft', 'approved', 'rejected')", name=op.f("ck_question_status_known")),
        sa.ForeignKeyConstraint(["bank_id"], ["question_bank.id"], name=op.f("fk_question_bank_id_question_bank")),
        sa.ForeignKeyConstraint(["created_by"], ["account.id"], name=op.f("fk_question_created_by_account")),
        sa.ForeignKeyConstraint(["reviewed_by"], ["account.id"], name=op.f("fk_question_reviewed_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question")),
        sa.UniqueConstraint("bank_id", "content_hash", name=op.f("uq_question_bank_id_content_hash")),
    )
    op.create_index("ix_question_bank_id_status_kind", "question", ["bank_id", "status", "kind"], unique=False)
    op.create_table(
        "paper",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("exam_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("questions", JSONB(), nullable=False),
        sa.Column("key", JSONB(), nullable=False),
        sa.Column("paper_hash", sa.String(length=64), nullable=False),
        sa.Column("bank_count", sa.BigInteger(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"], name=op.f("fk_paper_exam_id_exam")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper")),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("exam_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=True),
        sa.Column("shape", JSONB(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("grace_s", sa.BigInteger(), nullable=False),
        sa.Column("identity_min", sa.BigInteger(), nullable=False),
        sa.Column("identity_check_count", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mode", sa.String(), nullable=True),
        sa.Column("score", sa.BigInteger(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("marks", JSONB(), nullable=False),
        sa.Column("graded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'graded') = (outcome IS NOT NULL)", name=op.f("ck_attempt_outcome_when_graded")),
        sa.CheckConstraint(
            "(state = 'identity_pending') = (deadline_at IS NULL)", name=op.f("ck_attempt_deadline_when_running")
        ),
        sa.CheckConstraint(
            "outcome IN ('passed', 'failed', 'identity_unverified')", name=op.f("ck_attempt_outcome_known")
        ),
        sa.CheckConstraint("state IN ('identity_pending', 'running', 'graded')", name=op.f("ck_attempt_state_known")),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"], name=op.f("fk_attempt_exam_id_exam")),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name=op.f("fk_attempt_paper_id_paper")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_attempt_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("exam_id", "enrollment_id", name=op.f("uq_attempt_exam_id_enrollment_id")),
    )
    op.create_index(
        "ix_attempt_deadline_at_running", "attempt", ["deadline_at"], unique=False, postgresql_where="state = 'running'"
    )
    op.create_table(
        "answer_record",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("question_no", sa.BigInteger(), nullable=False),
        sa.Column("value", JSONB(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client_at", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_answer_record_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("attempt_id", "seq", name=op.f("pk_answer_record")),
    )
    for table in APPEND_ONLY:
        for statement in forbid_change_sql(table):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("answer_record")
    op.drop_index("ix_attempt_deadline_at_running", table_name="attempt", postgresql_where="state = 'running'")
    op.drop_table("attempt")
    op.drop_table("paper")
    op.drop_index("ix_question_bank_id_status_kind", table_name="question")
    op.drop_table("question")
    op.drop_table("exam")
    op.drop_index(
        "uq_gate_attempt_progress_id_open", table_name="gate_attempt", postgresql_where="submitted_at IS NULL"
    )
    op.drop_table("gate_attempt")
    op.drop_table("question_bank")
