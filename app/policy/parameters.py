"""Hand each domain its own parameters out of a pack.

The domains define what they need and know nothing of packs; this is the only place that knows both sides.
"""

from __future__ import annotations

from app.policy.rules import Pack
from app.training.parameters import LessonRules
from exam.parameters import ExamRules
from proctoring.parameters import CheckInRules


def lesson_rules(pack: Pack) -> LessonRules:
    """Say how a lesson hour is earned under `pack`.

    Clauses:
        CC-4.3.3, CC-A2-4.4.
    """
    return LessonRules(
        hour_length_s=pack.lesson.minutes * 60,
        seek_forward_first_view=pack.lesson.seek_forward_first_view,
        playback_rate_max=pack.lesson.playback_rate_max,
        hidden_page_stops_clock=pack.lesson.hidden_page_stops_clock,
        min_segment_s=pack.lesson.min_segment_s,
        daily_hours_cap=pack.lesson.daily_hours_cap,
        heartbeat_interval_s=pack.lesson.heartbeat_interval_s,
        gate_questions=pack.gate.questions,
        gate_pass_ratio=pack.gate.pass_ratio,
        claimable=pack.claimable,
    )


def check_in_rules(pack: Pack) -> CheckInRules:
    """Say how often and how a trainee proves to be present under `pack`.

    Clauses:
        CC-5.3.3c.
    """
    supervision = pack.supervision
    return CheckInRules(
        per_hour=supervision.checkins_per_hour,
        window_s=supervision.window_s,
        methods=supervision.methods,
        miss=supervision.miss,
        image_required=supervision.image_required,
        draw_from=supervision.draw_from,
        draw_to=supervision.draw_to,
        enrolment_photos_min=supervision.enrolment_photos_min,
        max_tries=supervision.max_tries,
    )


def exam_rules(pack: Pack) -> ExamRules:
    """Say what a final exam must satisfy under `pack`.

    Clauses:
        CC-4.1.4a, CC-4.3.5, CC-A2-4.6.
    """
    return ExamRules(
        attempts=pack.exam.attempts,
        bank_ratio=pack.exam.bank_ratio,
        biometric_min=pack.exam.biometric_min,
        pdf_required=pack.exam.pdf == "required",
        grace_s=pack.exam.grace_s,
    )
