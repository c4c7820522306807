"""Tables of exam.

Revision: 0006_exam
"""

from __future__ import annotations

revision = "0006_exam"
down_revision = "0005_proctoring"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
