"""Writes objects to a local store until it is killed; says each key after `put` has returned."""

from __future__ import annotations

import hashlib
import random
import sys
from io import BytesIO
from pathlib import Path

from app.core.clock import SystemClock
from storage.local import LocalStore

BLOCK = bytes(range(256)) * 256


def write_until_killed(root: Path, seed: int) -> None:
    store = LocalStore(root, url_secret=b"x", clock=SystemClock())
    dice = random.Random(seed)
    for number in range(1_000_000):
        content = dice.randbytes(8) + BLOCK * dice.randrange(0, 60)
        key = f"w/{seed}-{number}"
        if number % 3:
            store.put(key, content, media_type="a/b", sha256=hashlib.sha256(content).hexdigest())
        else:
            upload = store.create_multipart(key, media_type="a/b")
            parts = [store.write_part(key, upload, n, BytesIO(content), max_bytes=10**9) for n in (1, 2)]
            store.complete_multipart(key, upload, parts)
        sys.stdout.write(key + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    write_until_killed(Path(sys.argv[1]), int(sys.argv[2]))
