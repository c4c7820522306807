"""Numbers, times and codes as a Chinese reader expects them."""

from __future__ import annotations

from datetime import datetime

from app.core.clock import CHINA

_MINUTE = 60
_HOUR = 3600

RESULT_TITLES = {"passed": "通过", "failed": "未通过", "missed": "超时未验证"}
MODE_TITLES = {"learner": "本人交卷", "auto_timeout": "到时自动交卷"}


def chinese_time(instant: datetime) -> str:
    """Write an instant of Beijing time: `2026年3月2日 09:14:07`."""
    local = instant.astimezone(CHINA)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M:%S}"


def chinese_duration(seconds: int) -> str:
    """Write a duration: `1 小时 2 分 5 秒`; parts that are zero are left out."""
    hours, rest = divmod(seconds, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    parts = [f"{count} {unit}" for count, unit in ((hours, "小时"), (minutes, "分"), (left, "秒")) if count]
    return " ".join(parts) or "0 秒"
