"""Tables of core.

Revision: 0001_core
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.append_only import FORBID_FUNCTION, forbid_change_sql
from app.core.jobs import DROP_JOB_SCHEMA, job_schema_sql

revision = "0001_core"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("audit_entry", "audit_seal", "ledger_entry")


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("details", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_table(
        "audit_seal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_count", sa.BigInteger(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("seal_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
    )
    op.create_table(
        "ledger_chain",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("pack", sa.String(), nullable=False),
        sa.Column("is_claimable", sa.Boolean(), nullable=False),
        sa.Column("head_seq", sa.BigInteger(), nullable=False),
        sa.Column("head_hash", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_chain")),
        sa.UniqueConstraint("code", name=op.f("uq_ledger_chain_code")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("learner_ref", sa.String(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("corrects", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("files", JSONB(), nullable=False),
        sa.Column("envelope", JSONB(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("payload_hash", sa.String(length=64), nullable=False),
        sa.Column("entry_hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_ledger_entry_seq_positive")),
        sa.ForeignKeyConstraint(["chain_id"], ["ledger_chain.id"], name=op.f("fk_ledger_entry_chain_id_ledger_chain")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("chain_id", "seq", name=op.f("uq_ledger_entry_chain_id_seq")),
    )
    op.create_index(
        "ix_ledger_entry_subject_id_recorded_at", "ledger_entry", ["subject_id", "recorded_at"], unique=False
    )
    op.create_table(
        "outbox_message",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("chain_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempt_count", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("receipt", JSONB(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'dead')", name=op.f("ck_outbox_message_status_known")),
        sa.ForeignKeyConstraint(
            ["chain_id"], ["ledger_chain.id"], name=op.f("fk_outbox_message_chain_id_ledger_chain")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_outbox_message_entry_id_ledger_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", "channel", name=op.f("pk_outbox_message")),
    )
    op.create_index(
        "ix_outbox_message_chain_id_status_seq", "outbox_message", ["chain_id", "status", "seq"], unique=False
    )
    op.get_bind().connection.cursor().execute(job_schema_sql())  # as it is: no binds, no escapes
    op.execute(FORBID_FUNCTION)
    for table in APPEND_ONLY:
        for statement in forbid_change_sql(table):
            op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_outbox_message_chain_id_status_seq", table_name="outbox_message")
    op.drop_table("outbox_message")
    op.drop_index("ix_ledger_entry_subject_id_recorded_at", table_name="ledger_entry")
    op.drop_table("ledger_entry")
    op.drop_table("ledger_chain")
    op.drop_table("audit_seal")
    op.drop_table("audit_entry")
    op.execute("DROP FUNCTION forbid_change")
    op.get_bind().connection.cursor().execute(DROP_JOB_SCHEMA)
