"""Keys and secrets: field encryption, blind index, signatures, passwords, tokens.

Every stored ciphertext names the version of its key, so that keys rotate without re-writing the past: the newest
version encrypts, every known one decrypts. Each purpose has its own derived key, so that a face template cannot be
opened with the key of a phone number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_NONCE_BYTES = 12
_TOKEN_BYTES = 32


class CannotDecrypt(Exception):
    """The ciphertext was altered, or its key is not known here."""


def derive_key(secret: bytes, purpose: str, *, length: int = 32) -> bytes:
    """Derive a key of `length` bytes for one purpose (HKDF-SHA-256)."""
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=purpose.encode()).derive(secret)


@dataclass(frozen=True, slots=True)
class Vault:
    """Hold the platform's keys and do what needs them.

    Attributes:
        field_keys: Secret of each key version (at least 32 bytes each); the highest version encrypts.
        index_secret: Secret of the blind index; changing it needs a re-index of every row.
        signing_key: The platform's Ed25519 key for digests and evidence packs.
    """

    field_keys: Mapping[int, bytes] = field(repr=False)
    index_secret: bytes = field(repr=False)
    signing_key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_secret(cls, secret: str, *, field_keys: Mapping[int, bytes] | None = None) -> Vault:
        """Derive everything from one master secret; `field_keys` overrides the versioned keys."""
        master = secret.encode()
        return cls(
            field_keys=field_keys or {1: derive_key(master, "field-key-1")},
            index_secret=derive_key(master, "blind-index"),
            signing_key=Ed25519PrivateKey.from_private_bytes(derive_key(master, "signing-key")),
        )

    def encrypt(self, plaintext: str, *, purpose: str) -> str:
        """Encrypt one field; the text form is `version.base64`. Fresh nonce each time."""
        version, sealed = self._seal(plaintext.encode(), purpose)
        return f"{version}.{base64.urlsafe_b64encode(sealed).decode()}"

    def decrypt(self, ciphertext: str, *, purpose: str) -> str:
        """Decrypt one field.

        Raises:
            CannotDecrypt: Altered, of another purpose, or of an unknown key version.
        """
        version, _, sealed = ciphertext.partition(".")
        return self._open(int(version), base64.urlsafe_b64decode(sealed), purpose).decode()

    def encrypt_bytes(self, plaintext: bytes, *, purpose: str) -> bytes:
        """Encrypt a file or a template; 4 bytes of key version stand in front."""
        version, sealed = self._seal(plaintext, purpose)
        return version.to_bytes(4, "big") + sealed

    def decrypt_bytes(self, ciphertext: bytes, *, purpose: str) -> bytes:
        """Decrypt what `encrypt_bytes` made.

        Raises:
            CannotDecrypt: Altered, of another purpose, or of an unknown key version.
        """
        return self._open(int.from_bytes(ciphertext[:4], "big"), ciphertext[4:], purpose)

    def blind_index(self, value: str, *, purpose: str) -> str:
        """Compute a keyed hash to look a field up without decrypting; 64 hex digits."""
        key = derive_key(self.index_secret, purpose)
        return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()

    def sign(self, message: bytes) -> bytes:
        """Sign with the platform's key: Ed25519, 64 bytes."""
        return self.signing_key.sign(message)

    @property
    def public_key(self) -> bytes:
        """The platform's public key, 32 raw bytes."""
        return self.signing_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        """The public key's short name: the first 16 hex digits of its SHA-256."""
        return hashlib.sha256(self.public_key).hexdigest()[:16]

    def _seal(self, plaintext: bytes, purpose: str) -> tuple[int, bytes]:
        version = max(self.field_keys)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = AESGCM(derive_key(self.field_keys[version], purpose))
        return version, nonce + cipher.encrypt(nonce, plaintext, purpose.encode())

    def _open(self, version: int, sealed: bytes, purpose: str) -> bytes:
        secret = self.field_keys.get(version)
        if secret is None:
            raise CannotDecrypt(f"key version {version} is not known")
        cipher = AESGCM(derive_key(secret, purpose))
        try:
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
        except InvalidTag as error:
            raise CannotDecrypt("altered, or of another purpose") from error


_UNUSED_HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA"


def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """Hash a password with argon2id (19 MiB, 2 passes)."""
    return _hasher().hash(password)


def is_password(password: str, hashed: str | None) -> bool:
    """Check a password; takes the same time when there is no such account (`hashed` is None)."""
    try:
        return _hasher().verify(hashed or _UNUSED_HASH, password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def new_token() -> str:
    """Draw an opaque bearer token of 256 bits."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(token: str) -> str:
    """Hash a token for storage; 64 hex digits. Tokens are never stored themselves."""
    return hashlib.sha256(token.encode()).hexdigest()
