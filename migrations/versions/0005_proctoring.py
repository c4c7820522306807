"""Tables of proctoring.

Revision: 0005_proctoring
"""

from __future__ import annotations

revision = "0005_proctoring"
down_revision = "0004_training"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
