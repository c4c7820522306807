"""Tables of reports.

Revision: 0008_reports
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.append_only import forbid_change_sql

revision = "0008_reports"
down_revision = "0007_realname"
branch_labels = None
depends_on = None

APPEND_ONLY = ("sealed_paper",)


def upgrade() -> None:
    op.create_table(
        "sealed_paper",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("page_count", sa.BigInteger(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("template_version", sa.String(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size_bytes > 0 AND page_count > 0", name=op.f("ck_sealed_paper_not_empty")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_sealed_paper_attempt_id_attempt")),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollment.id"], name=op.f("fk_sealed_paper_enrollment_id_enrollment")
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_sealed_paper")),
    )
    op.create_index("ix_sealed_paper_enrollment_id", "sealed_paper", ["enrollment_id"], unique=False)
    for table in APPEND_ONLY:
        for statement in forbid_change_sql(table):
            op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_sealed_paper_enrollment_id", table_name="sealed_paper")
    op.drop_table("sealed_paper")
