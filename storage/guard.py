"""Records of evidence hold still: the database itself refuses to change what was sealed or to delete a record.

Retention, hold, tombstone and purge may move; a tombstone never comes back to life. The migration of storage
installs this.
"""

from __future__ import annotations

SEALED_COLUMNS = (
    "id",
    "key",
    "version_id",
    "sha256",
    "size_bytes",
    "media_type",
    "kind",
    "created_at",
    "created_by",
)
"""Columns of `stored_object` that never change."""

DROP_GUARD = "DROP FUNCTION guard_stored_object()"


def guard_sql() -> list[str]:
    """Write the statements that guard `stored_object`; `forbid_change` is there already."""
    old, new = (", ".join(f"{row}.{name}" for name in SEALED_COLUMNS) for row in ("OLD", "NEW"))
    rows = "BEFORE UPDATE OR DELETE ON stored_object FOR EACH ROW"
    all_at_once = "BEFORE TRUNCATE ON stored_object FOR EACH STATEMENT"
    return [
        f"""
        CREATE FUNCTION guard_stored_object() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' OR ({old}) IS DISTINCT FROM ({new})
             OR (OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS DISTINCT FROM OLD.deleted_at) THEN
            RAISE EXCEPTION 'what was sealed in stored_object does not change'
              USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$
        """,
        f"CREATE TRIGGER stored_object_guard {rows} EXECUTE FUNCTION guard_stored_object()",
        f"CREATE TRIGGER stored_object_no_truncate {all_at_once} EXECUTE FUNCTION forbid_change()",
    ]
