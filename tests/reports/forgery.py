"""Ways to forge an evidence pack, with and without the platform's key."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from app.core.canonical import canonical_bytes, canonical_hash, sha256_hex
from app.core.security import Vault
from app.reports.verifier.verify import Report, Verifier, ZipPack


def contents(pack: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def check(pack: bytes, *, key: str | None = None) -> Report:
    """Verify a pack that lies in memory."""
    return Verifier(ZipPack(io.BytesIO(pack)), key).run()


def problems(pack: bytes) -> str:
    return "\n".join(check(pack).problems)


class Forger:
    """Changes a pack and makes it look right as far as it can: hashes of the manifest always, the signature if it can.

    Args:
        pack: The pack to start from.
        vault: The platform's keys, if the forger has them.
    """

    def __init__(self, pack: bytes, vault: Vault | None = None) -> None:
        self.files = contents(pack)
        self.vault = vault

    def document(self, name: str) -> Any:
        return json.loads(self.files[name])

    def put(self, name: str, document: Any) -> None:
        self.files[name] = canonical_bytes(document)

    def edit(self, name: str, change: Callable[[Any], Any]) -> Forger:
        """Change a document in place, or replace it by what `change` gives."""
        document = self.document(name)
        changed = change(document)
        self.put(name, document if changed is None else changed)
        return self

    @property
    def entries(self) -> list[Any]:
        return self.document("ledger.json")["entries"]

    def with_entries(self, entries: list[Any]) -> Forger:
        self.put("ledger.json", {"entries": entries})
        return self

    def relinked(self, entries: list[Any]) -> Forger:
        """Number and link the entries anew, as if nothing had ever been there."""
        previous = "0" * 64
        for seq, entry in enumerate(entries, start=1):
            entry["envelope"] |= {"seq": seq, "prev_hash": previous}
            previous = entry["entry_hash"] = canonical_hash(entry["envelope"])
        self.with_entries(entries)
        return self.edit("manifest.json", lambda manifest: manifest | {"head_seq": len(entries), "head_hash": previous})

    def sealed(self) -> bytes:
        """Bring manifest and, with the key, its signature up to date."""
        manifest = self.document("manifest.json")
        for item in manifest["files"]:
            data = self.files.get(item["name"], b"")
            item["bytes"], item["sha256"] = len(data), sha256_hex(data)
        self.put("manifest.json", manifest)
        signature = self.document("manifest.sig")
        signature["manifest_sha256"] = sha256_hex(self.files["manifest.json"])
        if self.vault:
            signature["signature"] = self.vault.sign(self.files["manifest.json"]).hex()
        self.put("manifest.sig", signature)
        return zipped(self.files)
