"""The evidence pack (证据包): everything about one trainee in one class, signed, checkable by anybody offline.

A ZIP whose `manifest.json` names every file with its hash and is signed by the platform. The same facts give the same
bytes: order and times are fixed. Files are read, decrypted and written one at a time.

Clauses: CC-4.1.5, CC-6.2, CC-A2-4.1
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO

from app.core.canonical import canonical_bytes, sha256_hex
from app.core.clock import CHINA, china_iso
from app.core.db import Json
from app.core.security import Vault
from app.reports.pack_facts import PackFacts
from app.reports.paper import DEMONSTRATION_MARK
from app.reports.words import chinese_time
from storage.errors import EvidenceDamaged, ObjectMissing
from storage.ports import ObjectStore
from storage.private import FilePlace, read_file

FORMAT = "zhengxue-evidence-1"
FOLDER = Path(__file__).parent
KEPT_AS_IS = frozenset({"image/jpeg", "image/png", "image/webp", "video/mp4", "application/pdf"})
"""Media types that are packed already; compressing them again only costs time."""

_SUFFIXES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "video/mp4": "mp4",
}


def build_pack(
    facts: PackFacts, *, store: ObjectStore, vault: Vault, city_keys: Mapping[str, bytes], target: IO[bytes]
) -> Json:
    """Write a pack into `target`; the answer is its manifest.

    Args:
        facts: What `collect_pack` read.
        store: Where the files lie.
        vault: Decrypts them, and signs.
        city_keys: The city's public keys (32 raw bytes) by their id, for its receipts.
        target: A binary file; needs no seeking back over what the pack's content is read from.

    Raises:
        StoreUnavailable: The store does not answer; what was written so far is worthless.
    """
    with zipfile.ZipFile(target, "w", allowZip64=True) as archive:
        writer = _Writer(archive, facts.made_at)
        writer.add("README.txt", _readme(facts, vault))
        writer.add("verify.py", (FOLDER / "verifier" / "verify.py").read_bytes())
        writer.add("keys.json", canonical_bytes(_keys(vault, city_keys)))
        writer.add("ledger.json", _listed("entries", facts.entry_lines))
        writer.add("heartbeats.json", _listed("rounds", map(canonical_bytes, facts.rounds)))
        writer.add("answers.json", canonical_bytes({"attempts": facts.attempts, "papers": facts.papers}))
        writer.add("receipts.json", canonical_bytes({"receipts": facts.receipts, "deliveries": facts.deliveries}))
        absent = [*facts.absent, *_add_files(writer, facts.files, store=store, vault=vault)]
        manifest = _manifest(facts, files=writer.listed, absent=absent, key_id=vault.key_id)
        sealed = canonical_bytes(manifest)
        writer.add("manifest.json", sealed)
        writer.add("manifest.sig", canonical_bytes(_signature(sealed, vault)))
    return manifest


class _Writer:
    """Adds files to a ZIP with fixed times, and keeps the list for the manifest."""

    def __init__(self, archive: zipfile.ZipFile, made_at: datetime) -> None:
        self._archive = archive
        self._date_time = made_at.astimezone(CHINA).timetuple()[:6]
        self.listed: list[Json] = []

    def add(self, name: str, data: bytes, *, is_packed: bool = False) -> None:
        info = zipfile.ZipInfo(name, self._date_time)
        info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        info.create_system = 3
        self._archive.writestr(info, data)
        self.listed.append({"name": name, "bytes": len(data), "sha256": sha256_hex(data)})


def _add_files(writer: _Writer, places: tuple[FilePlace, ...], *, store: ObjectStore, vault: Vault) -> Iterator[Json]:
    """Add the files one by one; gives those that cannot be given out, with the reason."""
    for place in places:
        try:
            data = read_file(store, vault, place)
        except ObjectMissing:
            yield {"sha256": place.sha256, "kind": place.kind, "reason": "deleted"}
        except EvidenceDamaged:
            yield {"sha256": place.sha256, "kind": place.kind, "reason": "damaged"}
        else:
            suffix = _SUFFIXES.get(place.media_type, "bin")
            writer.add(f"files/{place.sha256}.{suffix}", data, is_packed=place.media_type in KEPT_AS_IS)


def _listed(member: str, lines: tuple[bytes, ...] | Iterator[bytes]) -> bytes:
    """Write a document with one long list, an item a line."""
    return b'{"' + member.encode() + b'":[\n' + b",\n".join(lines) + b"\n]}\n"


def _manifest(facts: PackFacts, *, files: list[Json], absent: list[Json], key_id: str) -> Json:
    return {
        "format": FORMAT,
        "class_code": facts.class_code,
        "class_name": facts.class_name,
        "claimable": facts.is_claimable,
        "learner_ref": facts.learner_ref,
        "enrollment_id": str(facts.enrollment_id),
        "head_seq": facts.head_seq,
        "head_hash": facts.head_hash,
        "made_at": china_iso(facts.made_at),
        "key_id": key_id,
        "files": list(files),
        "absent": sorted(absent, key=lambda item: str(item["sha256"])),
    }


def _signature(sealed: bytes, vault: Vault) -> Json:
    return {
        "algorithm": "ed25519",
        "key_id": vault.key_id,
        "manifest_sha256": sha256_hex(sealed),
        "signature": vault.sign(sealed).hex(),
    }


def _keys(vault: Vault, city_keys: Mapping[str, bytes]) -> Json:
    return {
        "platform": {"key_id": vault.key_id, "public_key": vault.public_key.hex()},
        "city": [{"key_id": key_id, "public_key": key.hex()} for key_id, key in sorted(city_keys.items())],
    }


def _readme(facts: PackFacts, vault: Vault) -> bytes:
    template = (FOLDER / "templates" / "evidence-readme.txt").read_text(encoding="utf-8")
    text = template.format(
        class_name=facts.class_name,
        class_code=facts.class_code,
        learner_ref=facts.learner_ref,
        made_at=chinese_time(facts.made_at),
        head_seq=facts.head_seq,
        fingerprint=hashlib.sha256(vault.public_key).hexdigest(),
        mark="" if facts.is_claimable else f"\n【{DEMONSTRATION_MARK}】\n",
    )
    return text.encode()
