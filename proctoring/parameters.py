"""Parameters of check-ins, handed to this domain from outside.

The numbers come with the supervised subject and stay with it; this domain never looks up a regional rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckInRules:
    """How often, when and how a person proves to be present.

    Attributes:
        per_hour: Random check-ins in each lesson hour.
        window_s: Seconds a check-in stays open; senior mode doubles it.
        methods: Methods a trainee may choose from, such as ``face``, ``fingerprint``, ``screenshot``.
        miss: Effect of a missed or failed check-in, such as ``no_credit``.
        image_required: Whether a check-in without a stored picture counts for nothing.
        draw_from: Start of the part of the hour a moment is drawn from, as a share of the hour.
        draw_to: End of that part, as a share of the hour.
        enrolment_photos_min: Photos a trainee must have on file before faces are compared.
        max_tries: Attempts within one open check-in.

    Clauses:
        CC-5.3.3c, CC-A2-4.7.
    """

    per_hour: int
    window_s: int
    methods: tuple[str, ...]
    miss: str
    image_required: bool
    draw_from: Fraction = Fraction(5, 100)
    draw_to: Fraction = Fraction(95, 100)
    enrolment_photos_min: int = 3
    max_tries: int = 3
