"""Durable steps in a folder: everything appears whole or not at all.

Used by the local store. A step that returns has reached the disk (`fsync` of the file and of every folder whose
entries changed); a step that fails leaves nothing visible. What a killed process leaves lies under `tmp/` only.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from storage.errors import StoreFull, StoreUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def disk_errors() -> Iterator[None]:
    """Translate what the operating system reports into the store's own errors.

    Raises:
        StoreFull: No space, or over quota.
        StoreUnavailable: Any other failure of the disk.
    """
    try:
        yield
    except OSError as error:
        kind = StoreFull if error.errno in _FULL else StoreUnavailable
        raise kind(retry_after_s=30) from error


def sync_folder(folder: Path) -> None:
    """Make the entries of `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folders(folder: Path, *, under: Path) -> None:
    """Make `folder` and what is missing between it and the existing `under`, durably."""
    missing = []
    while folder != under and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        try:
            sync_folder(each.parent)
        except OSError:
            with suppress(OSError):  # so that the next attempt makes it, and syncs, again
                each.rmdir()
            raise


def write_file(path: Path, pieces: Iterator[bytes]) -> None:
    """Write a new file and make its content durable; its folder is the caller's to sync."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
        os.fsync(handle)


def replace_file(path: Path, content: bytes, *, temporary: Path) -> None:
    """Put `content` in the place of a file in one step; `temporary` is a folder on the same disk."""
    staged = temporary / uuid4().hex
    try:
        write_file(staged, iter((content,)))
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def staged_folder(temporary: Path) -> Iterator[Path]:
    """Make a folder to fill under `temporary`; what is still there at the end is thrown away."""
    staged = temporary / uuid4().hex
    staged.mkdir(mode=0o700)
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def publish(staged: Path, destination: Path) -> bool:
    """Make a filled folder visible under its name in one step; False when the name is taken.

    Renaming a folder never replaces one that has content: of two writers exactly one succeeds.
    """
    sync_folder(staged)
    try:
        staged.rename(destination)
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTEMPTY}:
            sync_folder(destination.parent)  # whoever made it may have failed at this step
            return False
        raise
    sync_folder(destination.parent)
    return True


def discard(path: Path, *, temporary: Path) -> None:
    """Make a folder vanish in one step, then remove its content; harmless when it is gone."""
    try:
        moved = path.rename(temporary / uuid4().hex)
    except FileNotFoundError:
        return
    sync_folder(path.parent)
    shutil.rmtree(moved, ignore_errors=True)


def sweep(temporary: Path, *, before: float) -> int:
    """Remove what killed processes left under `temporary` before an instant (seconds since 1970)."""
    removed = 0
    for entry in temporary.iterdir():
        try:
            if entry.stat().st_mtime >= before:
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            removed += 1
        except FileNotFoundError:
            continue
    return removed
