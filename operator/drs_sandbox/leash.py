"""Runs a program that the kernel ends when its parent ends: ``python leash.py PARENT_PID PROGRAM ARGUMENT…``.

The program keeps this process's id, so whoever started it can wait for it and signal it directly.
It is a program of its own, not a ``preexec_fn``: that one may deadlock in a parent with threads.
It runs without site packages (``-I -S``), so it imports the standard library alone.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent ended before this program began")
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
