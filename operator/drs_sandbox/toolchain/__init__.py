"""The real programs that the sandbox runs: where they are found, and how they are made when they are not there."""

from drs_sandbox.toolchain.lookup import Toolchain, tool, tools

__all__ = ["Toolchain", "tool", "tools"]
