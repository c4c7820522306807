"""Tables that only grow: the database itself refuses to change or delete their rows."""

from __future__ import annotations

FORBID_FUNCTION = """
CREATE OR REPLACE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def forbid_change_sql(table: str) -> list[str]:
    """Write the statements that make `table` append-only: no UPDATE, DELETE or TRUNCATE."""
    rows = f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
    all_at_once = f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
    return [
        f"CREATE TRIGGER {table}_append_only {rows} EXECUTE FUNCTION forbid_change()",
        f"CREATE TRIGGER {table}_no_truncate {all_at_once} EXECUTE FUNCTION forbid_change()",
    ]
