"""Fill a new city database from a JSON file.

The file describes people once and puts them into the rosters of classes. Days may be relative, so that a
demonstration works on any date: ``"-7d"`` is seven days before the database is made, ``"year"`` the first of January of
that year. An instant may be a relative day and a time: ``"-9d 10:30"``.

Clauses: CC-5.3.1, CC-5.3.2a, CC-5.3.2f
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from app.core.canonical import canonical_hash
from app.core.clock import CHINA, china_iso, local_date
from app.realname.simulator.store import Store, dump

DEFAULT_SEED = Path(__file__).with_name("seed.json")

_RELATIVE = re.compile(r"([+-]?\d+)d")
_DAYS = ("start", "end")
_INSTANTS = ("application_at", "approved_at")


def load_seed(path: Path) -> dict[str, Any]:
    """Read a seed file."""
    seed: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return seed


def resolve_day(text: str, *, today: date) -> date:
    """Read an ISO day, a relative day (`-7d`) or `year` (the first of January).

    Raises:
        ValueError: The text is none of these.
    """
    if text == "year":
        return today.replace(month=1, day=1)
    match = _RELATIVE.fullmatch(text)
    return today + timedelta(days=int(match.group(1))) if match else date.fromisoformat(text)


def resolve_instant(text: str, *, today: date) -> str:
    """Read a day and a time of China, such as `-9d 10:30`; RFC 3339."""
    day, _, clock = text.partition(" ")
    hour, _, minute = (clock or "09:00").partition(":")
    at = datetime.combine(resolve_day(day, today=today), time(int(hour), int(minute)), CHINA)
    return china_iso(at)


def fill(store: Store, *, seed: dict[str, Any], now: datetime) -> None:
    """Write the seed into an empty database, in one transaction."""
    today = local_date(now)
    people = {person["person_key"]: person for person in seed["people"]}
    institutions = {item["institution_id"]: item for item in seed["institutions"]}
    with store.transaction():
        for platform in seed["platforms"]:
            store.execute(
                "insert into platform values (?, ?, ?)",
                platform["platform_id"],
                platform["name"],
                dump(platform["regions"]),
            )
        for item in seed["classes"]:
            _add_class(store, item, institutions=institutions, people=people, now=now)
        for claim in seed["claims"]:
            day = resolve_day(claim["claimed_on"], today=today).isoformat()
            document = {**claim, "claimed_on": day}
            store.execute(
                "insert into claim (person_key, claimed_on, document) values (?, ?, ?)",
                claim["person_key"],
                day,
                dump(document),
            )


def _add_class(
    store: Store, item: dict[str, Any], *, institutions: dict[str, Any], people: dict[str, Any], now: datetime
) -> None:
    today = local_date(now)
    rows = [_roster_row(entry, people[entry["person_key"]]) for entry in item["roster"]]
    document = {name: value for name, value in item.items() if name != "roster"}
    document |= {name: resolve_day(item[name], today=today).isoformat() for name in _DAYS}
    document |= {name: None if item[name] is None else resolve_instant(item[name], today=today) for name in _INSTANTS}
    document["institution"] = institutions[item["institution_id"]]
    document["headcount"] = len(rows)
    document["roster_sha256"] = canonical_hash(rows) if rows else None
    document["updated_at"] = china_iso(now)
    store.execute(
        "insert into class values (?, ?, ?, ?)",
        item["class_code"],
        document["updated_at"],
        item["status"],
        dump(document),
    )
    for position, row in enumerate(rows):
        store.execute(
            "insert into learner values (?, ?, ?, ?)",
            item["class_code"],
            position,
            row["learner_ref"],
            dump(row),
        )


def _roster_row(entry: dict[str, Any], person: dict[str, Any]) -> dict[str, Any]:
    return {**person, **entry}
