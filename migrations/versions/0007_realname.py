"""Tables of realname.

Revision: 0007_realname
"""

from __future__ import annotations

revision = "0007_realname"
down_revision = "0006_exam"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
