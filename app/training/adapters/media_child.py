"""The process that touches uploaded video: `python -m app.training.adapters.media_child SOURCE TARGET SECONDS`.

It limits its own memory, time and output first. It prints one JSON line: the facts, or the problem in Chinese.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict, replace
from pathlib import Path

from app.training.adapters.probe import measure, sniff_container
from app.training.adapters.remux import CannotCopy, copy_streams, transcode
from app.training.media.ports import Prepared
from app.training.media.rules import MediaRefused, check_facts

MEMORY_BYTES = 4 * 1024**3
OUTPUT_BYTES = 16 * 1024**3


def prepare(source: Path, target: Path, *, timeout_s: float) -> Prepared:
    """Measure `source` and write the playable `target`; the length is measured on what will be played.

    Raises:
        MediaRefused: It is no usable courseware.
    """
    container = sniff_container(source)
    facts = measure(source, container)
    check_facts(facts)
    is_transcoded = facts.needs_transcoding
    if not is_transcoded:
        try:
            copy_streams(source, target, container)
        except CannotCopy:
            is_transcoded = True
    if is_transcoded:
        transcode(source, target, container, timeout_s=timeout_s)
    played = measure(target, "mp4")
    check_facts(played)
    return Prepared(
        facts=replace(facts, duration_ms=min(facts.duration_ms, played.duration_ms)), is_transcoded=is_transcoded
    )


def _limit(seconds: int) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def main() -> None:
    """Prepare the file named on the command line."""
    source, target, seconds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    _limit(seconds)
    try:
        prepared = prepare(source, target, timeout_s=seconds)
    except MediaRefused as refused:
        answer: dict[str, object] = {"problem": str(refused)}
    except MemoryError:
        answer = {"problem": "视频占用内存过大，无法处理，请降低分辨率后重新导出"}
    else:
        answer = {"facts": asdict(prepared.facts), "is_transcoded": prepared.is_transcoded}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
