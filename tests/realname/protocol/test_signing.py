from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.realname.protocol import (
    KeyRing,
    RequestTarget,
    VerifyKey,
    answer_headers,
    content_digest,
    request_headers,
    signed_document,
    verify_answer,
    verify_document,
    verify_request,
)
from app.realname.protocol.signing import (
    ClockSkew,
    DigestMismatch,
    KeyUnknown,
    Replay,
    SignatureInvalid,
    encode_public_key,
    key_id_of,
    read_key_file,
)
from tests.realname.conftest import new_key

NOW = datetime(2026, 3, 2, 1, 14, 7, 120_000, tzinfo=UTC)
TARGET = RequestTarget("POST", "/rnp/1/events", "b=2&a=1")
NONCE = "0f" * 16
BODY = '{"班级":"一班"}'.encode()


@pytest.fixture
def signer():
    return new_key()


@pytest.fixture
def ring(signer):
    return KeyRing.of([VerifyKey(signer.private_key.public_key())])


def signed(signer, *, target=TARGET, body=BODY, now=NOW, nonce=NONCE, key="batch"):
    return request_headers(
        target, signer=signer, platform_id="P001", body=body, nonce=nonce, now=now, idempotency_key=key
    )


def verify(headers, ring, *, target=TARGET, body=BODY, now=NOW):
    return verify_request(target, headers=headers, body=body, keys_of=lambda _: ring, now=now)


class TestVerifyRequest:
    def test_accepts_what_was_signed(self, signer, ring):
        found = verify(signed(signer), ring)
        assert (found.platform_id, found.nonce, found.idempotency_key) == ("P001", NONCE, "batch")

    def test_does_not_care_about_the_order_of_the_query(self, signer, ring):
        other = RequestTarget("POST", "/rnp/1/events", "a=1&b=2")
        assert verify(signed(signer), ring, target=other)

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_refuses_a_clock_more_than_five_minutes_off(self, signer, ring, seconds):
        with pytest.raises(ClockSkew):
            verify(signed(signer), ring, now=NOW + timedelta(seconds=seconds))

    @pytest.mark.parametrize("seconds", [-300, 300])
    def test_accepts_a_clock_exactly_five_minutes_off(self, signer, ring, seconds):
        assert verify(signed(signer), ring, now=NOW + timedelta(seconds=seconds))

    @given(position=st.integers(0, len(BODY) - 1), flip=st.integers(1, 255))
    def test_refuses_one_changed_byte(self, position, flip):
        signer = new_key()
        ring = KeyRing.of([VerifyKey(signer.private_key.public_key())])
        changed = bytearray(BODY)
        changed[position] ^= flip
        with pytest.raises(DigestMismatch):
            verify(signed(signer), ring, body=bytes(changed))

    def test_refuses_a_changed_body_with_a_fitting_digest(self, signer, ring):
        headers = signed(signer) | {"Content-Digest": content_digest(b"other")}
        with pytest.raises(SignatureInvalid):
            verify(headers, ring, body=b"other")

    @pytest.mark.parametrize(
        "change",
        [
            {"X-Platform-Id": "P002"},
            {"X-Nonce": "1f" * 16},
            {"Idempotency-Key": "other"},
            {"X-Signature": "alg=x;sig="},
        ],
    )
    def test_refuses_any_changed_header(self, signer, ring, change):
        with pytest.raises(SignatureInvalid):
            verify(signed(signer) | change, ring)

    @pytest.mark.parametrize(
        "target",
        [
            RequestTarget("PUT", "/rnp/1/events", "a=1&b=2"),
            RequestTarget("POST", "/rnp/1/digests", "a=1&b=2"),
            RequestTarget("POST", "/rnp/1/events", "a=1&b=3"),
            RequestTarget("POST", "/rnp/1/events", ""),
        ],
    )
    def test_refuses_another_target(self, signer, ring, target):
        with pytest.raises(SignatureInvalid):
            verify(signed(signer), ring, target=target)

    def test_refuses_an_unknown_key(self, ring):
        with pytest.raises(KeyUnknown):
            verify(signed(new_key()), ring)

    def test_refuses_a_short_nonce(self, signer, ring):
        with pytest.raises(SignatureInvalid):
            verify(signed(signer, nonce="0f"), ring)

    @pytest.mark.parametrize("text", ["", "yesterday", "2026-03-02T09:14:07"])
    def test_refuses_a_time_without_meaning(self, signer, ring, text):
        with pytest.raises(ClockSkew):
            verify(signed(signer) | {"X-Timestamp": text}, ring)


class TestKeyRing:
    def test_holds_two_keys_while_one_replaces_the_other(self):
        old, new = new_key(), new_key()
        end = NOW + timedelta(hours=1)
        ring = KeyRing.of(
            [
                VerifyKey(old.private_key.public_key(), valid_to=end),
                VerifyKey(new.private_key.public_key(), valid_from=NOW),
            ]
        )
        assert verify(signed(old), ring)
        assert verify(signed(new), ring)
        with pytest.raises(KeyUnknown):
            verify(signed(old, now=end), ring, now=end)

    def test_is_read_from_a_file_with_comments_and_ends(self):
        first, second = (new_key().private_key.public_key() for _ in range(2))
        end = "2026-04-01T00:00:00+08:00"
        ring = read_key_file(f"# keys\n\n{encode_public_key(first)}\n{encode_public_key(second)} {end}\n")
        assert ring.keys.keys() == {key_id_of(first), key_id_of(second)}
        assert ring.keys[key_id_of(second)].valid_to == datetime.fromisoformat(end)

    def test_is_not_read_from_nonsense(self):
        with pytest.raises(ValueError):  # noqa: PT011 - base64 names its own reason
            read_key_file("not a key\n")


class TestContentDigest:
    def test_is_written_as_in_rfc_9530(self):
        assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


class TestVerifyAnswer:
    def check(self, headers, ring, *, status=202, nonce=NONCE, body=b"{}"):
        verify_answer(TARGET, status=status, request_nonce=nonce, headers=headers, body=body, keys=ring, now=NOW)

    @pytest.fixture
    def headers(self, signer):
        return answer_headers(TARGET, status=202, request_nonce=NONCE, body=b"{}", signer=signer, now=NOW)

    def test_accepts_the_answer_to_this_request(self, headers, ring):
        self.check(headers, ring)

    def test_refuses_the_answer_to_another_request(self, headers, ring):
        with pytest.raises(Replay):
            self.check(headers, ring, nonce="aa" * 16)

    def test_refuses_a_changed_body(self, headers, ring):
        with pytest.raises(DigestMismatch):
            self.check(headers, ring, body=b"[]")

    def test_refuses_a_changed_status(self, headers, ring):
        with pytest.raises(SignatureInvalid):
            self.check(headers, ring, status=200)

    def test_refuses_an_unsigned_answer(self, ring):
        with pytest.raises(Replay):
            self.check({}, ring)


class TestVerifyDocument:
    def test_accepts_what_was_signed(self, signer, ring):
        verify_document(signed_document({"a": 1}, signer=signer), keys=ring, at=NOW)

    def test_refuses_a_changed_member(self, signer, ring):
        with pytest.raises(SignatureInvalid):
            verify_document(signed_document({"a": 1}, signer=signer) | {"a": 2}, keys=ring, at=NOW)

    def test_refuses_an_unsigned_document(self, ring):
        with pytest.raises(KeyUnknown):
            verify_document({"a": 1}, keys=ring, at=NOW)
