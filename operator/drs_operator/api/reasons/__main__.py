"""The reference of reasons: `python -m drs_operator.api.reasons FILE` writes it."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from drs_operator.api.reasons import REASONS, Area, Reason

HEADER = """<!-- Generated from operator/drs_operator/api/reasons; do not edit. `make generate` writes it anew. -->
# Reasons

Why something was refused, failed or waits, wherever it is seen. One vocabulary: findings, errors, answers and refusals
carry the code (`IP_IN_USE`), conditions, Events and holds the same in CamelCase (`IpInUse`). Neither is ever renamed or
reused. `Ready` copies the first condition that is not met, so its reason is one of those below, too, and a change of
`Ready` is told in an Event. `GroupsReady` of a plan carries the reason of the group that is not ready.

A name that is a link has a runbook: what it means, how to see it, why it happens, what to do.
"""
PAGES = "../runbooks"


def render() -> str:
    """The reference as Markdown."""
    parts = [HEADER]
    for area in Area:
        listed = [reason for reason in REASONS if reason.area is area]
        acting = [reason for reason in listed if reason.available and reason.first]
        good = [reason for reason in listed if reason.available and not reason.first]
        later = [reason for reason in listed if not reason.available]
        parts.append(f"\n## {area}\n")
        if acting:
            parts.append(_table(("reason", "code", "seen in", "means", "do first"), [_acting(r) for r in acting]))
        if good:
            parts.append("\nNothing to do:\n")
            parts.append(_table(("reason", "seen in", "means"), [_good(r) for r in good]))
        if later:
            parts.append("\nNot given by this version:\n")
            parts.append(_table(("reason", "code", "means", "comes with"), [_later(r) for r in later]))
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _acting(reason: Reason) -> tuple[str, ...]:
    return f"[{reason.word}]({PAGES}/{reason.word}.md)", _code(reason), _seen(reason), reason.means, reason.first


def _good(reason: Reason) -> tuple[str, ...]:
    return reason.word, _seen(reason), reason.means


def _later(reason: Reason) -> tuple[str, ...]:
    return reason.word, _code(reason), reason.means, reason.missing


def _code(reason: Reason) -> str:
    return f"`{reason.code}`" if reason.code else ""


def _seen(reason: Reason) -> str:
    return "<br>".join(str(seen) for seen in reason.seen)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: written, or no drift; 1: drift, with the diff on standard output."""
    parser = argparse.ArgumentParser(prog="python -m drs_operator.api.reasons", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="for example docs/reference/reasons.md")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 with a diff when it differs")
    options = parser.parse_args(arguments)
    wanted = render()
    if not options.check:
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_text(wanted, encoding="utf-8")
        return 0
    found = options.file.read_text(encoding="utf-8") if options.file.exists() else ""
    if found == wanted:
        return 0
    lines = difflib.unified_diff(
        found.splitlines(keepends=True), wanted.splitlines(keepends=True), str(options.file), "generated from the data"
    )
    sys.stdout.writelines(lines)
    sys.stderr.write(f"{options.file} differs from the data; run `make generate` and commit the result\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
