"""Run every benchmark, one after the other."""

from __future__ import annotations

import subprocess
import sys

ALL = ("faces", "heartbeats", "start")


def main() -> int:
    """Run the benchmarks named on the command line, or all; the worst exit code."""
    chosen = sys.argv[1:] or ALL
    return max(subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode for name in chosen)


if __name__ == "__main__":
    sys.exit(main())
