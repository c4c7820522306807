"""Bureau offices and recommended platforms of the regions, as data.

Development zones have no code of their own in GB/T 2260: their `code` is None and their name identifies them.
Two platform records are the same platform when their host names are equal; names differ between documents (A19).

Clauses:
    CC-5.1, CC-6.3b, SD-2b, TA-2.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

DATA = Path(__file__).parent / "data"

FundingRoute = Literal["city_pool", "own_finance"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """A department of a bureau that takes applications.

    Attributes:
        region: Name of the district, county or city.
        code: GB/T 2260 code, six digits, or None.
        kind: Kind of region, such as ``district`` or ``development_zone``.
        department: Department that takes the application.
        business: What it takes applications for.
        funding_route: Whether money comes from the city pool or the county's own finance; None if unsaid.
    """

    region: str
    code: str | None
    kind: str
    department: str
    business: str
    funding_route: FundingRoute | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecommendedPlatform:
    """A training platform on a region's list; `host` is None where no address is printed."""

    region: str
    name: str
    host: str | None
    source: str


def load_offices(name: Literal["changchun", "jilin"]) -> tuple[Office, ...]:
    """Read the bureau offices of a city or province in the order of its document."""
    return tuple(
        Office(
            region=row["region"],
            code=row["code"] or None,
            kind=row["kind"],
            department=row["department"],
            business=row["business"],
            funding_route=cast("FundingRoute", row["funding_route"]) if row["funding_route"] else None,
        )
        for row in _rows(f"{name}_offices.csv")
    )


def load_platforms() -> tuple[RecommendedPlatform, ...]:
    """Read the platforms recommended by Shandong and Tai'an.

    Clauses:
        SD-2b, TA-2.
    """
    return tuple(
        RecommendedPlatform(region=row["region"], name=row["name"], host=row["host"] or None, source=row["source"])
        for row in _rows("shandong_platforms.csv")
    )


def funding_route(code: str, *, offices: Iterable[Office]) -> FundingRoute | None:
    """Say where the money of a region comes from, by its six-digit code; None if the region is unknown.

    Clauses:
        CC-6.3b.
    """
    return next((office.funding_route for office in offices if office.code == code), None)


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
