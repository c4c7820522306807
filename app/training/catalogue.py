"""The catalogue of subsidised trades (补贴性工种目录), as data.

A trade's class A, B or C decides its hours and its money and is never typed in by hand. Two rows of the source
have no class: such a trade can be taught, but nothing is computed for it until the bureau confirms a class.
Names stand as printed; where the print is plainly damaged the corrected name is kept beside it, so that both
are found.

Clauses:
    CC-2.3a, CC-2.3b.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from app.core.errors import NotFound

CHANGCHUN = Path(__file__).parent / "data" / "changchun_trades.csv"
CHANGCHUN_VERSION = "changchun-2020"

TradeClass = Literal["A", "B", "C"]


class TradeUnknown(NotFound):
    """No trade of that code stands in the catalogue."""

    slug = "trade-unknown"
    title = "补贴性工种目录中没有这个工种"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """One row of the catalogue.

    Attributes:
        code: Stable code made of the row number of the source, such as ``CC-087``.
        row: Row number of the source, from 1.
        name: Name as printed.
        group: Group of occupations the row stands in (类别名称).
        trade_class: ``A``, ``B`` or ``C``; None where the source leaves it blank.
        is_urgent: Whether the trade is marked 急需紧缺.
        correction: The name as it should have been printed, or None.
    """

    code: str
    row: int
    name: str
    group: str
    trade_class: TradeClass | None
    is_urgent: bool
    correction: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """All names this trade is found by; the printed one first."""
        return (self.name,) if self.correction is None else (self.name, self.correction)

    @property
    def has_standard(self) -> bool:
        """Tell whether hours and money can be computed from the class."""
        return self.trade_class is not None


def load_trades(path: Path = CHANGCHUN) -> dict[str, Trade]:
    """Read the catalogue.

    Returns:
        Trades by code in the order of the source.

    Raises:
        ValueError: A row is damaged; the message names file and line.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        trades = [_trade(row, where=f"{path.name}:{line}") for line, row in enumerate(rows, start=2)]
    found = {trade.code: trade for trade in trades}
    if len(found) != len(trades):
        raise ValueError(f"{path.name}: a row number stands twice")
    return found


def get_trade(code: str, *, trades: Mapping[str, Trade]) -> Trade:
    """Return the trade of a code.

    Raises:
        TradeUnknown: The catalogue has no such code; such a trade needs a filing first.

    Clauses:
        CC-2.3a, CC-2.3b.
    """
    try:
        return trades[code]
    except KeyError:
        raise TradeUnknown(f"目录中没有编号 {code} 的工种。目录外的工种须先由人社部门备案。", trade_code=code) from None


def find_trade(name: str, *, trades: Iterable[Trade]) -> Trade | None:
    """Find a trade by its printed or corrected name; blanks and the kind of brackets do not matter."""
    wanted = _plain(name)
    return next((trade for trade in trades if wanted in map(_plain, trade.names)), None)


def search_trades(words: str, *, trades: Iterable[Trade]) -> list[Trade]:
    """List the trades whose names or group contain `words`, in the order of the catalogue."""
    wanted = _plain(words)
    return [trade for trade in trades if any(wanted in _plain(text) for text in (*trade.names, trade.group))]


def _trade(row: Mapping[str, str], *, where: str) -> Trade:
    trade_class = row["trade_class"] or None
    if trade_class not in {"A", "B", "C", None} or row["urgent"] not in {"0", "1"} or not row["name"]:
        raise ValueError(f"{where}: class, urgent flag or name is damaged")
    number = int(row["row"])
    return Trade(
        code=f"CC-{number:03d}",
        row=number,
        name=row["name"],
        group=row["group"],
        trade_class=cast("TradeClass | None", trade_class),
        is_urgent=row["urgent"] == "1",
        correction=row["correction"] or None,
    )


def _plain(name: str) -> str:
    return "".join(name.split()).replace("（", "(").replace("）", ")")
