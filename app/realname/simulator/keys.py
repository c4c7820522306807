"""Know the keys: the city's own, and the platform's from a file that may change while we run."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from app.realname.protocol import KeyRing, SigningKey
from app.realname.protocol.signing import encode_public_key, read_key_file
from app.realname.simulator.store import Store


class PlatformKeys:
    """The platform's public keys.

    The platform writes its public keys into a file, one a line; two lines while one key replaces another. The file is
    read again when it changed, so neither side has to be restarted.

    Args:
        path: The file; may appear later.
        store: Knows which platforms are registered.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self._path = path
        self._store = store
        self._read_at: int | None = None
        self._ring = KeyRing({})

    def of(self, platform_id: str) -> KeyRing:
        """Give the keys of a registered platform; none for a stranger."""
        if self._store.row("select 1 from platform where platform_id = ?", platform_id) is None:
            return KeyRing({})
        try:
            changed_at = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return KeyRing({})
        if changed_at != self._read_at:
            self._ring = read_key_file(self._path.read_text(encoding="utf-8"))
            self._read_at = changed_at
        return self._ring


def open_city_key(folder: Path) -> SigningKey:
    """Load the city's key, or make it at the first start and write its public half beside it."""
    path = folder / "city-key.pem"
    if path.exists():
        private = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise TypeError(f"{path} holds no Ed25519 key")
    else:
        private = Ed25519PrivateKey.generate()
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        os.replace(draft, path)  # noqa: PTH105 - says that it replaces
    (folder / "city-key.pub").write_text(encode_public_key(private.public_key()) + "\n", encoding="utf-8")
    return SigningKey(private)
