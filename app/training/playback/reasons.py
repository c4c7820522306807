"""Why a second earned nothing, in words a trainee understands.

Clauses: CC-4.3.3, CC-5.3.3c
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.core.db import Json


class Reason(StrEnum):
    """Why played media earned no credit."""

    BEYOND_CONFIRMED = "beyond_confirmed"
    TOO_FAST = "too_fast"
    PAGE_HIDDEN = "page_hidden"
    ALREADY_WATCHED = "already_watched"
    NO_CONTACT = "no_contact"
    NOT_SIGNED_IN = "not_signed_in"
    CHECK_IN_DUE = "check_in_due"
    CHECK_IN_MISSED = "check_in_missed"
    DAILY_CAP = "daily_cap"
    SHORT_SEGMENT = "short_segment"

    @property
    def label(self) -> str:
        """The reason in plain Chinese."""
        return _TITLES[self]


_TITLES = {
    Reason.BEYOND_CONFIRMED: "跳过了前面没有看过的内容，请从上次看到的位置继续",
    Reason.TOO_FAST: "播放速度超过正常速度，超出实际时间的部分不计",
    Reason.PAGE_HIDDEN: "页面不在最前面时的播放不计",
    Reason.ALREADY_WATCHED: "重复观看已经计过的内容，不重复计",
    Reason.NO_CONTACT: "网络中断或设备休眠时间过长，中断期间不计",
    Reason.NOT_SIGNED_IN: "上课签到通过之前的播放不计",
    Reason.CHECK_IN_DUE: "随机打卡等待您完成，期间的播放不计",
    Reason.CHECK_IN_MISSED: "随机打卡超时或未通过，补打卡通过之前的播放不计",
    Reason.DAILY_CAP: "超过当天可计学时的上限，请明天继续学习",
    Reason.SHORT_SEGMENT: "连续学习的时间太短，不计",
}


def excluded_list(excluded: Mapping[str, int]) -> list[Json]:
    """Show seconds that earned nothing, most first: `{reason, title, seconds}`; below half a second nothing."""
    shown = sorted(excluded.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"reason": reason, "title": Reason(reason).label, "seconds": round(ms / 1000)}
        for reason, ms in shown
        if ms >= 500  # noqa: PLR2004 - rounds to a second
    ]
