"""Tables of identity.

Revision: 0002_identity
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.append_only import forbid_change_sql

revision = "0002_identity"
down_revision = "0001_core"
branch_labels = None
depends_on = None

APPEND_ONLY = ("consent", "real_name_record")


def upgrade() -> None:
    op.create_table(
        "organization",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("authority_code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("designated_from", sa.Date(), nullable=True),
        sa.Column("designated_until", sa.Date(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('institution', 'enterprise', 'bureau', 'operator')", name=op.f("ck_organization_kind_known")
        ),
        sa.CheckConstraint("designated_from <= designated_until", name=op.f("ck_organization_designation_ordered")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
        sa.UniqueConstraint("authority_code", name=op.f("uq_organization_authority_code")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("city_key", sa.String(), nullable=True),
        sa.Column("name_enc", sa.String(), nullable=False),
        sa.Column("id_type", sa.String(), nullable=False),
        sa.Column("id_number_enc", sa.String(), nullable=False),
        sa.Column("id_number_index", sa.String(length=64), nullable=False),
        sa.Column("phone_enc", sa.String(), nullable=False),
        sa.Column("phone_index", sa.String(length=64), nullable=False),
        sa.Column("has_phone", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("birth_on", sa.Date(), nullable=False),
        sa.Column("sex", sa.String(), nullable=False),
        sa.Column("hukou_region", sa.String(), nullable=True),
        sa.Column("education", sa.String(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("phone_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("sex IN ('M', 'F')", name=op.f("ck_person_sex_known")),
        sa.CheckConstraint("status IN ('imported', 'activated', 'verified')", name=op.f("ck_person_status_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("id_number_index", name=op.f("uq_person_id_number_index")),
    )
    op.create_index(op.f("ix_person_city_key"), "person", ["city_key"], unique=False)
    op.create_index("ix_person_phone_index", "person", ["phone_index"], unique=False)
    op.create_index(
        "uq_person_phone_index_holder", "person", ["phone_index"], unique=True, postgresql_where=sa.text("has_phone")
    )
    op.create_table(
        "sms_outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone_enc", sa.String(), nullable=False),
        sa.Column("text_enc", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_outbox")),
    )
    op.create_index(op.f("ix_sms_outbox_sent_at"), "sms_outbox", ["sent_at"], unique=False)
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("hits", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stale_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
    )
    op.create_index(op.f("ix_throttle_stale_at"), "throttle", ["stale_at"], unique=False)
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("login_name", sa.String(), nullable=True),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_secret_enc", sa.String(), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'staff') = (organization_id IS NOT NULL)", name=op.f("ck_account_organization_of_staff")
        ),
        sa.CheckConstraint("(kind = 'trainee') = (person_id IS NOT NULL)", name=op.f("ck_account_person_of_trainee")),
        sa.CheckConstraint("(kind = 'trainee') = (role = 'trainee')", name=op.f("ck_account_role_of_kind")),
        sa.CheckConstraint(
            "kind <> 'staff' OR num_nulls(login_name, password_hash, totp_secret_enc) = 0",
            name=op.f("ck_account_staff_factors"),
        ),
        sa.CheckConstraint("kind IN ('trainee', 'staff')", name=op.f("ck_account_kind_known")),
        sa.CheckConstraint(
            "role IN ('trainee', 'institution_author', 'institution_reviewer', 'bureau_auditor', 'operator')",
            name=op.f("ck_account_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_account_organization_id_organization")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_account_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login_name", name=op.f("uq_account_login_name")),
        sa.UniqueConstraint("person_id", name=op.f("uq_account_person_id")),
    )
    op.create_index(op.f("ix_account_organization_id"), "account", ["organization_id"], unique=False)
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.CheckConstraint("state IN ('given', 'refused', 'withdrawn')", name=op.f("ck_consent_state_known")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consent_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_person_id_purpose_at", "consent", ["person_id", "purpose", "at"], unique=False)
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_backed_up", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_passkey_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    op.create_index(op.f("ix_passkey_person_id"), "passkey", ["person_id"], unique=False)
    op.create_table(
        "real_name_proof",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("file_name_enc", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_real_name_proof_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_real_name_proof")),
        sa.UniqueConstraint("object_id", name=op.f("uq_real_name_proof_object_id")),
    )
    op.create_index(op.f("ix_real_name_proof_enrollment_id"), "real_name_proof", ["enrollment_id"], unique=False)
    op.create_table(
        "real_name_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("trade_code", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("category_code", sa.String(), nullable=False),
        sa.Column("phone_verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proof_object_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_real_name_record_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_real_name_record")),
        sa.UniqueConstraint("enrollment_id", name=op.f("uq_real_name_record_enrollment_id")),
    )
    op.create_index(op.f("ix_real_name_record_person_id"), "real_name_record", ["person_id"], unique=False)
    op.create_table(
        "sms_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone_index", sa.String(length=64), nullable=False),
        sa.Column("browser_index", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("try_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_sms_code_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_code")),
    )
    op.create_index("ix_sms_code_phone_index_browser_index", "sms_code", ["phone_index", "browser_index"], unique=False)
    op.create_table(
        "webauthn_challenge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('register', 'assert')", name=op.f("ck_webauthn_challenge_purpose_known")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_webauthn_challenge_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webauthn_challenge")),
        sa.UniqueConstraint("challenge", name=op.f("uq_webauthn_challenge_challenge")),
    )
    op.create_index(op.f("ix_webauthn_challenge_expires_at"), "webauthn_challenge", ["expires_at"], unique=False)
    op.create_table(
        "login_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_s", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ip", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_login_session_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_session_token_hash")),
    )
    op.create_index(op.f("ix_login_session_account_id"), "login_session", ["account_id"], unique=False)
    op.create_index(op.f("ix_login_session_expires_at"), "login_session", ["expires_at"], unique=False)
    for table in APPEND_ONLY:
        for statement in forbid_change_sql(table):
            op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_login_session_expires_at"), table_name="login_session")
    op.drop_index(op.f("ix_login_session_account_id"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_index(op.f("ix_webauthn_challenge_expires_at"), table_name="webauthn_challenge")
    op.drop_table("webauthn_challenge")
    op.drop_index("ix_sms_code_phone_index_browser_index", table_name="sms_code")
    op.drop_table("sms_code")
    op.drop_index(op.f("ix_real_name_record_person_id"), table_name="real_name_record")
    op.drop_table("real_name_record")
    op.drop_index(op.f("ix_real_name_proof_enrollment_id"), table_name="real_name_proof")
    op.drop_table("real_name_proof")
    op.drop_index(op.f("ix_passkey_person_id"), table_name="passkey")
    op.drop_table("passkey")
    op.drop_index("ix_consent_person_id_purpose_at", table_name="consent")
    op.drop_table("consent")
    op.drop_index(op.f("ix_account_organization_id"), table_name="account")
    op.drop_table("account")
    op.drop_index(op.f("ix_throttle_stale_at"), table_name="throttle")
    op.drop_table("throttle")
    op.drop_index(op.f("ix_sms_outbox_sent_at"), table_name="sms_outbox")
    op.drop_table("sms_outbox")
    op.drop_index("uq_person_phone_index_holder", table_name="person", postgresql_where=sa.text("has_phone"))
    op.drop_index("ix_person_phone_index", table_name="person")
    op.drop_index(op.f("ix_person_city_key"), table_name="person")
    op.drop_table("person")
    op.drop_table("organization")
