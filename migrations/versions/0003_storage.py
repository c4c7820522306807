"""Tables of storage; what was sealed cannot be changed and no record can be deleted, whoever asks.

Revision: 0003_storage
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.guard import DROP_GUARD, guard_sql

revision = "0003_storage"
down_revision = "0002_identity"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stored_object",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("version_id", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("retention", sa.String(length=40), nullable=False),
        sa.Column("retain_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("legal_hold", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("legal_hold_reason", sa.String(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deletion_reason", sa.String(), nullable=True),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_stored_object_sha256_hex")),
        sa.CheckConstraint(
            "(deleted_at IS NULL) = (deletion_reason IS NULL)", name=op.f("ck_stored_object_deletion_reason")
        ),
        sa.CheckConstraint(
            "NOT (legal_hold AND deleted_at IS NOT NULL)", name=op.f("ck_stored_object_held_is_not_deleted")
        ),
        sa.CheckConstraint(
            "NOT legal_hold OR legal_hold_reason IS NOT NULL", name=op.f("ck_stored_object_legal_hold_reason")
        ),
        sa.CheckConstraint(
            "purged_at IS NULL OR deleted_at IS NOT NULL", name=op.f("ck_stored_object_purged_after_deleted")
        ),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_stored_object_size_bytes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_object")),
        sa.UniqueConstraint("key", name=op.f("uq_stored_object_key")),
    )
    op.create_index(
        "ix_stored_object_due",
        "stored_object",
        ["retain_until"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL AND NOT legal_hold AND retain_until IS NOT NULL"),
    )
    op.create_index(
        "ix_stored_object_purge",
        "stored_object",
        ["deleted_at"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NOT NULL AND purged_at IS NULL"),
    )
    op.create_index("ix_stored_object_sha256", "stored_object", ["sha256"], unique=False)
    op.create_table(
        "private_file",
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["object_id"], ["stored_object.id"], name=op.f("fk_private_file_object_id_stored_object")
        ),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_private_file")),
    )
    op.create_index("ix_private_file_sha256", "private_file", ["sha256"], unique=False)
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("part_size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("multipart_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stored_object_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'completed') = (stored_object_id IS NOT NULL)", name=op.f("ck_upload_completed_is_stored")
        ),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_upload_closed_at")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_upload_sha256_hex")),
        sa.CheckConstraint("state IN ('open', 'completed', 'aborted', 'expired')", name=op.f("ck_upload_state")),
        sa.CheckConstraint("part_size_bytes > 0", name=op.f("ck_upload_part_size_bytes")),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_upload_size_bytes")),
        sa.ForeignKeyConstraint(
            ["stored_object_id"], ["stored_object.id"], name=op.f("fk_upload_stored_object_id_stored_object")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint("key", name=op.f("uq_upload_key")),
    )
    op.create_index(
        "ix_upload_expires_at_open", "upload", ["expires_at"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index(
        "ix_upload_owner_id_open", "upload", ["owner_id"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "upload_part",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_upload_part_sha256_hex")),
        sa.CheckConstraint("number BETWEEN 1 AND 10000", name=op.f("ck_upload_part_number")),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_upload_part_size_bytes")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["upload.id"], name=op.f("fk_upload_part_upload_id_upload"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("upload_id", "number", name=op.f("pk_upload_part")),
    )
    for statement in guard_sql():
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("upload_part")
    op.drop_index("ix_upload_owner_id_open", table_name="upload", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("ix_upload_expires_at_open", table_name="upload", postgresql_where=sa.text("state = 'open'"))
    op.drop_table("upload")
    op.drop_index("ix_private_file_sha256", table_name="private_file")
    op.drop_table("private_file")
    op.drop_index("ix_stored_object_sha256", table_name="stored_object")
    op.drop_index(
        "ix_stored_object_purge",
        table_name="stored_object",
        postgresql_where=sa.text("deleted_at IS NOT NULL AND purged_at IS NULL"),
    )
    op.drop_index(
        "ix_stored_object_due",
        table_name="stored_object",
        postgresql_where=sa.text("deleted_at IS NULL AND NOT legal_hold AND retain_until IS NOT NULL"),
    )
    op.drop_table("stored_object")
    op.execute(DROP_GUARD)
