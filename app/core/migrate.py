"""Bring a database to the schema of this version, with Alembic.

There is no `alembic.ini`: the configuration is this module, so that the same code migrates from the command line, from
the tests and at start-up.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from app.core.db import sqlalchemy_url

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class SchemaIsNewer(Exception):
    """The database was migrated by a newer version of the program."""


def alembic_config(url: str) -> Config:
    """Make Alembic's configuration for the database at `url`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", sqlalchemy_url(url).replace("%", "%%"))
    return config


def upgrade(url: str) -> None:
    """Migrate the database at `url` to the newest schema of this version.

    Raises:
        SchemaIsNewer: The database knows a revision that this version does not.
    """
    config = alembic_config(url)
    if (current := current_revision(url)) is not None:
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if current not in known:
            raise SchemaIsNewer(current)
    command.upgrade(config, "head")


def current_revision(url: str) -> str | None:
    """Read the schema revision of the database at `url`; None when it is empty."""
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
