"""Passwords of staff: what is strong enough, and how old one may grow (等保 8.1.4.1 a)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.core.security import hash_password
from app.identity.errors import PasswordWeak

__all__ = ["MAX_AGE", "ApprovedPassword", "approve_password", "is_expired"]

MAX_AGE = timedelta(days=90)
LONG_ENOUGH = 12
SHORTEST = 8
LONGEST = 128
_CLASSES_NEEDED = 3
_DISTINCT_NEEDED = 5

_COMMON = re.compile(
    r"password|passw0rd|p@ssword|p@ssw0rd|qwerty|qwertyuiop|asdfghjkl|zxcvbnm|1qaz2wsx|qaz2wsx|qaz@wsx|qazwsx|admin|"
    r"administrator|root|guest|test|user|welcome|letmein|iloveyou|monkey|dragon|sunshine|princess|"
    r"football|baseball|master|shadow|superman|trustno1|abc|abcd|abcde|abcdefg|aa|woaini|wodemima|"
    r"zhengxue|changchun|jilin|qwe|qweasd|qweasdzxc|q1w2e3r4|1q2w3e4r|zaq|changeme|default"
)
"""Stems that head every list of leaked passwords; digits and signs around them do not make them strong."""


@dataclass(frozen=True, slots=True)
class ApprovedPassword:
    """A password that passed the policy, already hashed; only `approve_password` makes one."""

    hashed: str = field(repr=False)


def approve_password(password: str, *, login_name: str) -> ApprovedPassword:
    """Check a new password against the policy and hash it (argon2id; call it outside of a transaction).

    At least 12 characters, or at least 8 of three kinds (lower, upper, digit, sign); not a common one; not the
    login name; at least five different characters.

    Raises:
        PasswordWeak: The detail says which rule failed.
    """
    advice = _fault(password, login_name.lower())
    if advice is not None:
        raise PasswordWeak(advice, pointers={"/password": advice})
    return ApprovedPassword(hash_password(password))


def is_expired(changed_at: datetime, *, now: datetime) -> bool:
    """Tell whether a password is 90 days old and has to be changed."""
    return now - changed_at >= MAX_AGE


def _fault(password: str, login_name: str) -> str | None:
    lowered = password.lower()
    if not SHORTEST <= len(password) <= LONGEST:
        return f"密码长度应为{SHORTEST}到{LONGEST}个字符。"
    if len(password) < LONG_ENOUGH and _class_count(password) < _CLASSES_NEEDED:
        return f"密码不足{LONG_ENOUGH}个字符时，应包含小写字母、大写字母、数字、符号中的三种。"
    if len(set(password)) < _DISTINCT_NEEDED:
        return f"密码至少应有{_DISTINCT_NEEDED}个不同的字符。"
    if len(login_name) > 2 and login_name in lowered:  # noqa: PLR2004 - one or two letters occur by chance
        return "密码不能包含登录名。"
    if _is_common(lowered):
        return "这个密码太常见，容易被猜到，请换一个。"
    return None


def _class_count(password: str) -> int:
    kinds = {
        "lower" if char.islower() else "upper" if char.isupper() else "digit" if char.isdigit() else "sign"
        for char in password
    }
    return len(kinds)


def _is_common(lowered: str) -> bool:
    """Compare what is left between the digits and signs a common stem is dressed with; digits alone are common."""
    bare = lowered.strip("0123456789!@#$%^&*()_+-=.,?~ ")
    return not bare or _COMMON.fullmatch(bare) is not None or _COMMON.fullmatch(lowered) is not None
