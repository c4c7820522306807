"""Which regions an auditor answers for: the prefix of the bureau's region code.

GB/T 2260: `220000` is a province (prefix 22), `220100` a city (2201), `220104` a district.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.core.work import Actor
from app.identity.models import Organization

_BUREAU = "bureau"


def region_prefix(code: str) -> str:
    """Shorten a region code to what all codes below it begin with."""
    if code.endswith("0000"):
        return code[:2]
    return code[:4] if code.endswith("00") else code


def prefix_of(session: Session, actor: Actor) -> str | None:
    """Find the prefix an auditor's bureau answers for; None: nothing at all."""
    organization = session.get(Organization, actor.organization_id) if actor.organization_id else None
    if organization is None or organization.kind != _BUREAU or not organization.region:
        return None
    return region_prefix(organization.region)


def is_in_scope(region: str, prefix: str | None) -> bool:
    """Tell whether a region lies in an auditor's."""
    return prefix is not None and region.startswith(prefix)
