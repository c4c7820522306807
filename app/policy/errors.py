"""What can go wrong with policy packs.

::

    DomainError
    ├── PackInvalid        500  a data file of the installation is wrong; says file and key
    ├── NotFound
    │   └── PackUnknown    404  nobody loaded a pack of that reference
    └── Conflict
        └── NoPackInForce  409  no rules are in force for that region and day
"""

from __future__ import annotations

from app.core.errors import Conflict, DomainError, NotFound


class PackInvalid(DomainError):
    """A pack file does not say what a pack must say; the detail names file and key."""

    slug = "policy-pack-invalid"
    title = "规则包文件有误"


class PackUnknown(NotFound):
    """No pack of that reference is installed."""

    slug = "policy-pack-unknown"
    title = "没有这个规则包"


class NoPackInForce(Conflict):
    """No pack covers that region on that approved opening date."""

    slug = "no-policy-pack-in-force"
    title = "该地区在批准开班日没有有效的规则包"
