from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import KeyRefused, LinkExpired, LinkRefused
from storage.urls import SignedTarget, check_url, sign_url

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
SECRET = b"secret"


def split(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    return unquote(parts.path.removeprefix("/objects/")), dict(parse_qsl(parts.query))


def check(url: str, *, method: str = "GET", now: datetime = NOON, secret: bytes = SECRET) -> SignedTarget:
    key, query = split(url)
    return check_url(key, query, method=method, secret=secret, now=now)


class TestCheckUrl:
    def test_gives_back_what_was_signed(self):
        url = sign_url(
            "a/b", method="GET", expires_at=LATER, secret=SECRET, base_url="https://x", params={"name": "证.pdf"}
        )
        assert url.startswith("https://x/objects/a/b?")
        assert check(url) == SignedTarget("a/b", "GET", download_name="证.pdf")

    def test_gives_back_the_limits_of_a_part(self):
        params = {"upload": "f" * 32, "part": "3", "max": "99"}
        url = sign_url("a", method="PUT", expires_at=LATER, secret=SECRET, params=params)
        assert check(url, method="PUT") == SignedTarget("a", "PUT", multipart_id="f" * 32, part=3, max_bytes=99)

    def test_lets_a_reading_address_serve_head(self):
        url = sign_url("a", method="GET", expires_at=LATER, secret=SECRET)
        assert check(url, method="HEAD").method == "GET"

    @pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "get", ""])
    def test_refuses_another_method(self, method):
        url = sign_url("a", method="GET", expires_at=LATER, secret=SECRET)
        with pytest.raises(LinkRefused):
            check(url, method=method)

    def test_refuses_another_secret(self):
        url = sign_url("a", method="GET", expires_at=LATER, secret=SECRET)
        with pytest.raises(LinkRefused):
            check(url, secret=b"other")

    def test_expires_at_the_very_second(self):
        url = sign_url("a", method="GET", expires_at=LATER, secret=SECRET)
        check(url, now=LATER - timedelta(microseconds=1))
        with pytest.raises(LinkExpired):
            check(url, now=LATER)

    @pytest.mark.parametrize(
        "change",
        [
            {"max": "100"},
            {"part": "4"},
            {"upload": "e" * 32},
            {"expires": "99999999999"},
            {"name": "x"},
            {"extra": "1"},
            {"signature": ""},
            {"signature": "é"},
        ],
    )
    def test_refuses_every_altered_or_added_parameter(self, change):
        params = {"upload": "f" * 32, "part": "3", "max": "99"}
        key, query = split(sign_url("a", method="PUT", expires_at=LATER, secret=SECRET, params=params))
        with pytest.raises(LinkRefused):
            check_url(key, query | change, method="PUT", secret=SECRET, now=NOON)

    @pytest.mark.parametrize("name", ["max", "part", "upload", "expires", "signature"])
    def test_refuses_a_left_out_parameter(self, name):
        params = {"upload": "f" * 32, "part": "3", "max": "99"}
        key, query = split(sign_url("a", method="PUT", expires_at=LATER, secret=SECRET, params=params))
        del query[name]
        with pytest.raises(LinkRefused):
            check_url(key, query, method="PUT", secret=SECRET, now=NOON)

    def test_cannot_be_tricked_by_moving_text_between_key_and_parameters(self):
        _, query = split(sign_url("a", method="GET", expires_at=LATER, secret=SECRET, params={"name": "b\nexpires=9"}))
        for other in ("a\nname=b", "a\n"):
            with pytest.raises(LinkRefused):
                check_url(other, query, method="GET", secret=SECRET, now=NOON)

    @given(st.text(max_size=20), st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=4))
    def test_refuses_whatever_was_not_signed(self, key, query):
        with pytest.raises(LinkRefused):
            check_url(key, query, method="GET", secret=SECRET, now=NOON)


class TestSignUrl:
    def test_refuses_a_key_that_could_escape(self):
        with pytest.raises(KeyRefused):
            sign_url("../a", method="GET", expires_at=LATER, secret=SECRET)
