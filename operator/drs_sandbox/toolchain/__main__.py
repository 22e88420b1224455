"""``python -m drs_sandbox.toolchain NAME…``: gets programs ready beforehand and prints where they are.

Names are those of the catalogue, and ``dynamodb``.
"""

from __future__ import annotations

import sys

from drs_sandbox.errors import SandboxError
from drs_sandbox.toolchain.java import dynamodb_program
from drs_sandbox.toolchain.lookup import Toolchain

_DYNAMODB = "dynamodb"


def main(names: list[str]) -> int:
    """Returns the exit code."""
    toolchain = Toolchain()
    try:
        for path in toolchain.find(*(name for name in names if name != _DYNAMODB)).values():
            print(path)
        if _DYNAMODB in names and (program := dynamodb_program(toolchain)):
            print(program.library)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
