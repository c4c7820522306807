"""Who plays: the made-up trainees of the demonstration city, and the password of its staff."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from app.demo.load import ACCOUNTS, DEMO_CODE
from app.realname.simulator.seed import DEFAULT_SEED, load_seed


@dataclass(frozen=True, slots=True)
class Trainee:
    """A made-up person on a roster.

    Attributes:
        learner_ref: Number on the roster.
        name: Name.
        id_number: ID number of a region that does not exist.
        phone: Number that was never assigned.
        category: Code of the category of person.
    """

    learner_ref: str
    name: str
    id_number: str
    phone: str
    category: str


def load_trainees(class_code: str = DEMO_CODE) -> dict[str, Trainee]:
    """Read the roster of a class of the demonstration city, by learner number."""
    seed = load_seed(DEFAULT_SEED)
    people = {person["person_key"]: person for person in seed["people"]}
    roster = next(one["roster"] for one in seed["classes"] if one["class_code"] == class_code)
    found = [(line, people[line["person_key"]]) for line in roster]
    return {
        line["learner_ref"]: Trainee(
            line["learner_ref"], person["name"], person["id_no"], person["phone"], line["category_code"]
        )
        for line, person in found
    }


def load_password(var: Path) -> str:
    """Read the password of the demonstration's staff."""
    password: str = json.loads((var / ACCOUNTS).read_text(encoding="utf-8"))["password"]
    return password
