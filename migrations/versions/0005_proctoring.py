"""Tables of proctoring.

Revision: 0005_proctoring
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005_proctoring"
down_revision = "0004_training"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "check_in",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("methods", JSONB(), nullable=False),
        sa.Column("planned_ms", sa.BigInteger(), nullable=True),
        sa.Column("window_s", sa.BigInteger(), nullable=False),
        sa.Column("max_tries", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("nonce_hash", sa.String(length=64), nullable=True),
        sa.Column("nonce_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(status = 'planned') = (due_at IS NULL) OR status = 'canceled'", name=op.f("ck_check_in_due_when_opened")
        ),
        sa.CheckConstraint(
            "purpose IN ('sign_in', 'random', 'make_up', 'exam_identity')", name=op.f("ck_check_in_purpose_known")
        ),
        sa.CheckConstraint(
            "status IN ('planned', 'due', 'passed', 'failed', 'missed', 'canceled')",
            name=op.f("ck_check_in_status_known"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_check_in_person_id_person")),
        sa.ForeignKeyConstraint(["replaces_id"], ["check_in.id"], name=op.f("fk_check_in_replaces_id_check_in")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_in")),
        sa.UniqueConstraint("subject_id", "round", "planned_ms", name=op.f("uq_check_in_subject_id_round_planned_ms")),
    )
    op.create_index(
        "ix_check_in_expires_at_due", "check_in", ["expires_at"], unique=False, postgresql_where="status = 'due'"
    )
    op.create_index("ix_check_in_subject_id_status", "check_in", ["subject_id", "status"], unique=False)
    op.create_table(
        "face_enrolment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("template", sa.LargeBinary(), nullable=True),
        sa.Column("photos_averaged", sa.BigInteger(), nullable=False),
        sa.Column("engine", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('collecting', 'complete', 'withdrawn')", name=op.f("ck_face_enrolment_state_known")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_face_enrolment_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_enrolment")),
    )
    op.create_index(
        "uq_face_enrolment_person_id_current",
        "face_enrolment",
        ["person_id"],
        unique=True,
        postgresql_where="state <> 'withdrawn'",
    )
    op.create_table(
        "check_in_try",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("check_in_id", sa.Uuid(), nullable=False),
        sa.Column("try_no", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("verdict", JSONB(), nullable=False),
        sa.Column("frame_hashes", JSONB(), nullable=False),
        sa.Column("files", JSONB(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('pending', 'pass', 'unsure', 'fail', 'aborted')", name=op.f("ck_check_in_try_outcome_known")
        ),
        sa.ForeignKeyConstraint(["check_in_id"], ["check_in.id"], name=op.f("fk_check_in_try_check_in_id_check_in")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_in_try")),
        sa.UniqueConstraint("check_in_id", "try_no", name=op.f("uq_check_in_try_check_in_id_try_no")),
    )
    op.create_table(
        "face_photo",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("face_enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frame_sha256", sa.String(length=64), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("turn_e4", sa.BigInteger(), nullable=False),
        sa.Column("reading", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["face_enrolment_id"], ["face_enrolment.id"], name=op.f("fk_face_photo_face_enrolment_id_face_enrolment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_photo")),
    )


def downgrade() -> None:
    op.drop_table("face_photo")
    op.drop_table("check_in_try")
    op.drop_index(
        "uq_face_enrolment_person_id_current", table_name="face_enrolment", postgresql_where="state <> 'withdrawn'"
    )
    op.drop_table("face_enrolment")
    op.drop_index("ix_check_in_subject_id_status", table_name="check_in")
    op.drop_index("ix_check_in_expires_at_due", table_name="check_in", postgresql_where="status = 'due'")
    op.drop_table("check_in")
