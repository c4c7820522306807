from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from app.core.security import CannotDecrypt, Vault, hash_password, is_password

VAULT = Vault.from_secret("a secret for tests only, long enough to pass")


class TestEncrypt:
    @given(st.text())
    def test_gives_back_what_went_in(self, text: str):
        assert VAULT.decrypt(VAULT.encrypt(text, purpose="phone"), purpose="phone") == text

    def test_never_gives_the_same_ciphertext_twice(self):
        assert VAULT.encrypt("19900001111", purpose="phone") != VAULT.encrypt("19900001111", purpose="phone")

    def test_cannot_be_opened_for_another_purpose(self):
        with pytest.raises(CannotDecrypt):
            VAULT.decrypt(VAULT.encrypt("x", purpose="phone"), purpose="id-number")

    def test_notices_one_changed_bit(self):
        sealed = bytearray(VAULT.encrypt_bytes(b"template", purpose="face-template"))
        sealed[-1] ^= 1
        with pytest.raises(CannotDecrypt):
            VAULT.decrypt_bytes(bytes(sealed), purpose="face-template")

    def test_reads_old_keys_and_writes_with_the_newest(self):
        old = Vault.from_secret("s" * 32, field_keys={1: b"1" * 32})
        new = Vault.from_secret("s" * 32, field_keys={1: b"1" * 32, 2: b"2" * 32})
        assert new.decrypt(old.encrypt("x", purpose="p"), purpose="p") == "x"
        assert new.encrypt("x", purpose="p").startswith("2.")
        with pytest.raises(CannotDecrypt, match="version 2"):
            old.decrypt(new.encrypt("x", purpose="p"), purpose="p")

    def test_hides_its_keys_when_printed(self):
        assert "1111" not in repr(Vault.from_secret("s" * 32, field_keys={1: b"1" * 32}))


class TestBlindIndex:
    def test_is_the_same_for_the_same_value_and_differs_by_purpose(self):
        assert VAULT.blind_index("x", purpose="phone") == VAULT.blind_index("x", purpose="phone")
        assert VAULT.blind_index("x", purpose="phone") != VAULT.blind_index("x", purpose="id-number")


class TestSign:
    def test_verifies_with_the_public_key(self):
        Ed25519PublicKey.from_public_bytes(VAULT.public_key).verify(VAULT.sign(b"digest"), b"digest")


class TestPassword:
    def test_accepts_the_right_one_only(self):
        hashed = hash_password("correct horse battery")
        assert is_password("correct horse battery", hashed)
        assert not is_password("wrong", hashed)

    def test_refuses_when_there_is_no_account(self):
        assert not is_password("anything", None)
