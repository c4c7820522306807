"""Tables of identity.

Revision: 0002_identity
"""

from __future__ import annotations

revision = "0002_identity"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
