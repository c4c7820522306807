"""Parameters of a lesson hour, handed to this domain from outside.

Where the numbers come from is none of this domain's business: whoever approves a class takes them from the
rules in force on its approved opening date and they stay with the class from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, kw_only=True, slots=True)
class LessonRules:
    """How one lesson hour (学时) is earned.

    Attributes:
        hour_length_s: Distinct media seconds that make one lesson hour; 2400 for forty minutes.
        seek_forward_first_view: Whether a trainee may jump ahead into what was never watched.
        playback_rate_max: Fastest playback rate that earns credit; 1 is normal speed.
        hidden_page_stops_clock: Whether seconds watched in a hidden page earn nothing.
        min_segment_s: Shortest uninterrupted stretch in seconds that earns credit; 0 accepts all.
        daily_hours_cap: Most lesson hours earned on one local day, or None for no cap.
        heartbeat_interval_s: Seconds between two progress reports of the player.
        gate_questions: Questions of the quiz between two lessons; 0 switches the gate off.
        gate_pass_ratio: Share of right answers that opens the gate; reaching it is enough.
        claimable: Whether hours earned under these rules may enter a subsidy claim.

    Clauses:
        CC-4.3.3, CC-A2-4.4.
    """

    hour_length_s: int
    seek_forward_first_view: bool
    playback_rate_max: Fraction
    hidden_page_stops_clock: bool
    min_segment_s: int
    daily_hours_cap: int | None
    heartbeat_interval_s: int
    gate_questions: int
    gate_pass_ratio: Fraction
    claimable: bool
