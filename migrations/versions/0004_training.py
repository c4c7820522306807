"""Tables of training.

Revision: 0004_training
"""

from __future__ import annotations

revision = "0004_training"
down_revision = "0003_storage"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
