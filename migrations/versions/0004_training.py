"""Tables of training.

Revision: 0004_training
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import JSONB

from app.core.append_only import forbid_change_sql

revision = "0004_training"
down_revision = "0003_storage"
branch_labels = None
depends_on = None

APPEND_ONLY = ("heartbeat", "play_step", "course_step", "class_step")


def upgrade() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("fact_no", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("intervals", JSONB(), nullable=False),
        sa.Column("position_ms", sa.BigInteger(), nullable=False),
        sa.Column("rate_milli", sa.Integer(), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), nullable=False),
        sa.Column("is_muted", sa.Boolean(), nullable=False),
        sa.Column("is_playing", sa.Boolean(), nullable=False),
        sa.Column("client_at", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("granted_ms", sa.Integer(), nullable=False),
        sa.Column("excluded", JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", "seq", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "course",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("trade_code", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("standard_code", sa.String(), nullable=False),
        sa.Column("textbook_title", sa.String(), nullable=False),
        sa.Column("textbook_isbn", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("teacher_name", sa.String(), nullable=True),
        sa.Column("teacher_qualification", sa.String(), nullable=True),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_note", sa.String(), nullable=True),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("source IN ('purchased', 'own')", name=op.f("ck_course_source_known")),
        sa.CheckConstraint(
            "status <> 'published' OR (published_by IS NOT NULL AND published_by <> created_by)",
            name=op.f("ck_course_published_by_another"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'in_review', 'approved', 'rejected', 'published', 'taken_down')",
            name=op.f("ck_course_status_known"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('approved', 'published') OR (reviewed_by IS NOT NULL AND reviewed_by <> created_by)",
            name=op.f("ck_course_reviewed_by_another"),
        ),
        sa.ForeignKeyConstraint(["created_by"], ["account.id"], name=op.f("fk_course_created_by_account")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_course_organization_id_organization")
        ),
        sa.ForeignKeyConstraint(["published_by"], ["account.id"], name=op.f("fk_course_published_by_account")),
        sa.ForeignKeyConstraint(["reviewed_by"], ["account.id"], name=op.f("fk_course_reviewed_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course")),
    )
    op.create_index(op.f("ix_course_organization_id"), "course", ["organization_id"], unique=False)
    op.create_table(
        "media_asset",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("container", sa.String(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("width", sa.BigInteger(), nullable=True),
        sa.Column("height", sa.BigInteger(), nullable=True),
        sa.Column("video_codec", sa.String(), nullable=True),
        sa.Column("audio_codec", sa.String(), nullable=True),
        sa.Column("has_audio", sa.Boolean(), nullable=True),
        sa.Column("mean_volume_db_milli", sa.BigInteger(), nullable=True),
        sa.Column("black_micro", sa.BigInteger(), nullable=True),
        sa.Column("is_transcoded", sa.Boolean(), nullable=True),
        sa.Column("warnings", JSONB(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("play_key", sa.String(), nullable=True),
        sa.Column("play_sha256", sa.String(), nullable=True),
        sa.Column("play_bytes", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status <> 'ready' OR num_nulls(play_key, play_sha256, duration_ms, container) = 0",
            name=op.f("ck_media_asset_ready_is_measured"),
        ),
        sa.CheckConstraint(
            "status <> 'rejected' OR problem IS NOT NULL", name=op.f("ck_media_asset_rejected_has_reason")
        ),
        sa.CheckConstraint("status IN ('processing', 'ready', 'rejected')", name=op.f("ck_media_asset_status_known")),
        sa.ForeignKeyConstraint(["created_by"], ["account.id"], name=op.f("fk_media_asset_created_by_account")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_media_asset_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_asset")),
        sa.UniqueConstraint("upload_id", name=op.f("uq_media_asset_upload_id")),
    )
    op.create_index(op.f("ix_media_asset_organization_id"), "media_asset", ["organization_id"], unique=False)
    op.create_table(
        "course_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_status", sa.String(), nullable=False),
        sa.Column("to_status", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("checks", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_course_step_account_id_account")),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_course_step_course_id_course")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_step")),
    )
    op.create_index(op.f("ix_course_step_course_id"), "course_step", ["course_id"], unique=False)
    op.create_table(
        "lesson",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hours", sa.BigInteger(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind IN ('live', 'vod', 'interactive', 'document')", name=op.f("ck_lesson_kind_known")),
        sa.CheckConstraint("hours BETWEEN 1 AND 8", name=op.f("ck_lesson_hours_sane")),
        sa.CheckConstraint("position > 0", name=op.f("ck_lesson_position_positive")),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_lesson_course_id_course")),
        sa.ForeignKeyConstraint(["media_id"], ["media_asset.id"], name=op.f("fk_lesson_media_id_media_asset")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson")),
        sa.UniqueConstraint(
            "course_id", "position", deferrable=True, initially="DEFERRED", name=op.f("uq_lesson_course_id_position")
        ),
    )
    op.create_table(
        "training_class",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("trade_code", sa.String(), nullable=False),
        sa.Column("trade_name", sa.String(), nullable=False),
        sa.Column("trade_class", sa.String(), nullable=False),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("pack_ref", sa.String(), nullable=False),
        sa.Column("is_claimable", sa.Boolean(), nullable=False),
        sa.Column("lesson_rules", JSONB(), nullable=False),
        sa.Column("planned_hours", sa.BigInteger(), nullable=False),
        sa.Column("online_hours", sa.BigInteger(), nullable=False),
        sa.Column("online_max_share", JSONB(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=False),
        sa.Column("application_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approval_no", sa.String(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("supervision_profile", JSONB(), nullable=True),
        sa.Column("source", JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("roster_sha256", sa.String(), nullable=True),
        sa.Column("roster_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=True),
        sa.Column("seed_enc", sa.String(), nullable=True),
        sa.Column("seed_commitment", sa.String(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(opened_at IS NOT NULL) = (status IN ('open', 'closed'))", name=op.f("ck_training_class_open_has_instant")
        ),
        sa.CheckConstraint(
            "status IN ('imported', 'startable', 'open', 'closed')", name=op.f("ck_training_class_status_known")
        ),
        sa.CheckConstraint("end_on >= start_on", name=op.f("ck_training_class_dates_ordered")),
        sa.CheckConstraint("opened_at >= approved_at", name=op.f("ck_training_class_opened_after_approval")),
        sa.CheckConstraint(
            "opened_at IS NULL OR num_nulls(course_id, seed_enc, seed_commitment, approved_at, roster_sha256) = 0",
            name=op.f("ck_training_class_open_is_complete"),
        ),
        sa.CheckConstraint("planned_hours > 0 AND online_hours >= 0", name=op.f("ck_training_class_hours_sane")),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_training_class_course_id_course")),
        sa.ForeignKeyConstraint(["opened_by"], ["account.id"], name=op.f("fk_training_class_opened_by_account")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_training_class_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_class")),
        sa.UniqueConstraint("code", name=op.f("uq_training_class_code")),
    )
    op.create_index(op.f("ix_training_class_organization_id"), "training_class", ["organization_id"], unique=False)
    op.create_table(
        "class_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("from_status", sa.String(), nullable=True),
        sa.Column("to_status", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("details", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_class_step_account_id_account")),
        sa.ForeignKeyConstraint(
            ["class_id"], ["training_class.id"], name=op.f("fk_class_step_class_id_training_class")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_step")),
    )
    op.create_index(op.f("ix_class_step_class_id"), "class_step", ["class_id"], unique=False)
    op.create_table(
        "enrollment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("learner_ref", sa.String(), nullable=False),
        sa.Column("category_code", sa.String(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["class_id"], ["training_class.id"], name=op.f("fk_enrollment_class_id_training_class")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_enrollment_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment")),
        sa.UniqueConstraint("class_id", "learner_ref", name=op.f("uq_enrollment_class_id_learner_ref")),
        sa.UniqueConstraint("class_id", "person_id", name=op.f("uq_enrollment_class_id_person_id")),
    )
    op.create_index("ix_enrollment_person_id", "enrollment", ["person_id"], unique=False)
    op.create_table(
        "lesson_progress",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("furthest_ms", sa.BigInteger(), nullable=False),
        sa.Column("credited_ms", sa.BigInteger(), nullable=False),
        sa.Column("check_plan", pg.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("watched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('locked', 'open', 'watched', 'completed')", name=op.f("ck_lesson_progress_status_known")
        ),
        sa.CheckConstraint("round > 0", name=op.f("ck_lesson_progress_round_positive")),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollment.id"], name=op.f("fk_lesson_progress_enrollment_id_enrollment")
        ),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"], name=op.f("fk_lesson_progress_lesson_id_lesson")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson_progress")),
        sa.UniqueConstraint("enrollment_id", "lesson_id", name=op.f("uq_lesson_progress_enrollment_id_lesson_id")),
    )
    op.create_table(
        "playback_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("progress_id", sa.Uuid(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("device_hash", sa.String(length=64), nullable=False),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("user_agent_class", sa.String(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.BigInteger(), nullable=False),
        sa.Column("plan", pg.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("outstanding", sa.String(), nullable=True),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("last_body", sa.String(), nullable=True),
        sa.Column("beat_ms", sa.BigInteger(), nullable=False),
        sa.Column("contact_ms", sa.BigInteger(), nullable=False),
        sa.Column("carry_ms", sa.Integer(), nullable=False),
        sa.Column("covered", JSONB(), nullable=False),
        sa.Column("base", JSONB(), nullable=False),
        sa.Column("excluded", JSONB(), nullable=False),
        sa.Column("credited_ms", sa.BigInteger(), nullable=False),
        sa.Column("checks_due", sa.Integer(), nullable=False),
        sa.Column("day_no", sa.Integer(), nullable=False),
        sa.Column("day_ms", sa.BigInteger(), nullable=False),
        sa.Column("hidden_ms", sa.BigInteger(), nullable=False),
        sa.Column("max_rate_milli", sa.Integer(), nullable=False),
        sa.Column("fact_no", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "phase IN ('awaiting_sign_in', 'active', 'stopped', 'replaced', 'ended')",
            name=op.f("ck_playback_session_phase_known"),
        ),
        sa.ForeignKeyConstraint(
            ["class_id"], ["training_class.id"], name=op.f("fk_playback_session_class_id_training_class")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_playback_session_person_id_person")),
        sa.ForeignKeyConstraint(
            ["progress_id"], ["lesson_progress.id"], name=op.f("fk_playback_session_progress_id_lesson_progress")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playback_session")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_playback_session_progress_id_round", "playback_session", ["progress_id", "round"], unique=False)
    op.create_index(
        "uq_playback_session_person_id_live",
        "playback_session",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("phase IN ('awaiting_sign_in', 'active', 'stopped')"),
    )
    op.create_table(
        "play_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("fact_no", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("from_phase", sa.String(), nullable=True),
        sa.Column("to_phase", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("day_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["playback_session.id"], name=op.f("fk_play_step_session_id_playback_session")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_play_step")),
        sa.UniqueConstraint("session_id", "fact_no", name=op.f("uq_play_step_session_id_fact_no")),
    )
    for table in APPEND_ONLY:
        for statement in forbid_change_sql(table):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("play_step")
    op.drop_index(
        "uq_playback_session_person_id_live",
        table_name="playback_session",
        postgresql_where=sa.text("phase IN ('awaiting_sign_in', 'active', 'stopped')"),
    )
    op.drop_index("ix_playback_session_progress_id_round", table_name="playback_session")
    op.drop_table("playback_session")
    op.drop_table("lesson_progress")
    op.drop_index("ix_enrollment_person_id", table_name="enrollment")
    op.drop_table("enrollment")
    op.drop_index(op.f("ix_class_step_class_id"), table_name="class_step")
    op.drop_table("class_step")
    op.drop_index(op.f("ix_training_class_organization_id"), table_name="training_class")
    op.drop_table("training_class")
    op.drop_table("lesson")
    op.drop_index(op.f("ix_course_step_course_id"), table_name="course_step")
    op.drop_table("course_step")
    op.drop_index(op.f("ix_media_asset_organization_id"), table_name="media_asset")
    op.drop_table("media_asset")
    op.drop_index(op.f("ix_course_organization_id"), table_name="course")
    op.drop_table("course")
    op.drop_table("heartbeat")
