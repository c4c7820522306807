"""Start a program that ends with its parent: `python -m app.launcher.child PARENT PROGRAM ARGUMENT...`.

Asks the kernel for SIGTERM at the parent's death, then becomes the program. So a supervisor killed with
`kill -9` leaves nobody behind.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the program.

    Args:
        arguments: The parent's process id, then the program and its arguments.
    """
    parent, *program = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # the parent died before we asked
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - no shell, the supervisor's own command


if __name__ == "__main__":
    main(sys.argv[1:])
