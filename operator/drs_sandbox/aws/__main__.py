"""`python -m drs_sandbox.aws`: the process of the simulated AWS.

It ends on SIGTERM, and when the process that started it ends. A world that is not right: exit code 2, the findings on
stderr, nothing started.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from drs_sandbox.world import WorldError, load_world

_PARENT_CHECK_SECONDS = 1.0


def main() -> int:
    """Serves until it is told to end; returns the exit code."""
    parent = os.getppid()
    options = _parser().parse_args()
    try:
        world = load_world(options.world)
    except WorldError as error:
        print(error, file=sys.stderr)
        return 2
    from drs_sandbox.aws.assembly import build_server  # takes seconds: what is wrong with the file is said before

    server = build_server(
        world,
        speed=options.speed,
        signature_ttl_seconds=options.signature_ttl,
        dynamodb_endpoint=options.dynamodb_endpoint or None,
        state=options.state,
    )
    ended = threading.Event()

    def end(*_: object) -> None:
        if not ended.is_set():
            ended.set()
            # shutdown() waits for serve_forever, which runs on the thread that handles signals.
            threading.Thread(target=server.shutdown, daemon=True).start()

    def follow_parent() -> None:
        while os.getppid() == parent and not ended.wait(_PARENT_CHECK_SECONDS):
            pass
        end()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    threading.Thread(target=follow_parent, daemon=True).start()
    _publish(options.port_file, server.server_address[1])
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    options.port_file.unlink(missing_ok=True)
    return 0


def _publish(file: Path, port: int) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(f"{port}\n", encoding="ascii")
    draft.replace(file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m drs_sandbox.aws", description="The simulated AWS.")
    parser.add_argument("--world", type=Path, required=True, help="the world file")
    parser.add_argument("--port-file", type=Path, required=True, help="where the port is written when all is ready")
    parser.add_argument("--dynamodb-endpoint", default="", help="URL of DynamoDB Local; empty: moto's DynamoDB")
    parser.add_argument(
        "--speed", type=_not_negative, default=1.0, help="progress per second of what takes time on AWS"
    )
    parser.add_argument(
        "--signature-ttl", type=_not_negative, default=300.0, help="seconds for which a signature is good"
    )
    parser.add_argument("--state", type=Path, required=True, help="the folder of calls.jsonl")
    return parser


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


if __name__ == "__main__":
    sys.exit(main())
