"""Tables of realname.

Revision: 0007_realname
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007_realname"
down_revision = "0006_exam"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "city_channel",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failure_count", sa.BigInteger(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_reason", sa.String(), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_city_channel")),
    )
    op.create_table(
        "city_file",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_city_file")),
    )
    op.create_table(
        "city_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain_id", sa.Uuid(), nullable=False),
        sa.Column("entry_ids", JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt_count", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint("status IN ('open', 'answered', 'given_up')", name=op.f("ck_city_batch_status_known")),
        sa.ForeignKeyConstraint(["chain_id"], ["ledger_chain.id"], name=op.f("fk_city_batch_chain_id_ledger_chain")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_city_batch")),
    )
    op.create_index(
        "uq_city_batch_chain_id_open", "city_batch", ["chain_id"], unique=True, postgresql_where="status = 'open'"
    )
    op.create_table(
        "city_digest",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("matched", sa.Boolean(), nullable=True),
        sa.Column("differences", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["chain_id"], ["ledger_chain.id"], name=op.f("fk_city_digest_chain_id_ledger_chain")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_city_digest")),
        sa.UniqueConstraint("chain_id", "kind", "day", name=op.f("uq_city_digest_chain_id_kind_day")),
    )


def downgrade() -> None:
    op.drop_table("city_digest")
    op.drop_index("uq_city_batch_chain_id_open", table_name="city_batch", postgresql_where="status = 'open'")
    op.drop_table("city_batch")
    op.drop_table("city_file")
    op.drop_table("city_channel")
