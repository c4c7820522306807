from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.core.security import is_password
from app.identity.errors import PasswordWeak
from app.identity.rules.passwords import approve_password, is_expired


class TestApprovePassword:
    @pytest.mark.parametrize("password", ["Bamboo-7x", "four plain words here", "竹林七贤与三国演义的故事集"])
    def test_takes_and_hashes_a_strong_one(self, password):
        assert is_password(password, approve_password(password, login_name="clerk").hashed)

    @pytest.mark.parametrize(
        ("password", "advice"),
        [
            ("Ab1-xyz", "长度"),
            ("x" * 129, "长度"),
            ("abcdefgz", "三种"),
            ("bamboo77", "三种"),
            ("aaaabbbbccccaaaa", "不同的字符"),
            ("Clerk-2026-x", "登录名"),
            ("Password123!", "太常见"),
            ("P@ssw0rd2026", "太常见"),
            ("2026031519870402", "太常见"),
            ("Admin@2026!!", "太常见"),
        ],
    )
    def test_says_which_rule_a_weak_one_breaks(self, password, advice):
        with pytest.raises(PasswordWeak, match=advice):
            approve_password(password, login_name="clerk")

    def test_never_shows_the_hash(self):
        assert "argon2" not in repr(approve_password("Bamboo-7x", login_name="clerk"))


class TestIsExpired:
    def test_begins_on_the_ninetieth_day(self):
        changed = datetime(2026, 1, 1, tzinfo=UTC)
        assert not is_expired(changed, now=changed + timedelta(days=90, microseconds=-1))
        assert is_expired(changed, now=changed + timedelta(days=90))
