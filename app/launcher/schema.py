"""Check the migrations on an empty database: up, nothing left to generate, down, up again.

Runs inside the environment: `python -m app.launcher.schema`. Uses `TEST_DATABASE_URL` when it is set, else an
embedded server in a temporary folder.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.util import CommandError

from app.core.embedded import start_embedded
from app.core.migrate import alembic_config, upgrade
from app.launcher.console import Console


def check_schema(url: str) -> None:
    """Migrate up, compare with the models, migrate down to nothing and up again.

    Args:
        url: Address of an empty database.

    Raises:
        CommandError: The models hold something no migration makes.
    """
    upgrade(url)
    config = alembic_config(url)
    command.check(config)
    command.downgrade(config, "base")
    upgrade(url)


def main() -> int:
    """Check on a database of its own; 0 when the migrations and the models agree."""
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="zx-schema-"))
    server = start_embedded(folder / "data", durable=False)
    try:
        check_schema(server.url)
    except CommandError as error:
        console.say(f"✗ 迁移脚本与模型不一致：{error}")
        return 1
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    console.say("✓ 迁移脚本与模型一致，升级、降级、再升级均成功")
    return 0


if __name__ == "__main__":
    sys.exit(main())
