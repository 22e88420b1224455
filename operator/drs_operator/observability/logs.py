"""Structured logs: JSON for machines, columns for people; never a credential or an external id."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("drs_operator")

_SECRET_KEYS = ("secret", "token", "external_id", "externalid", "password", "authorization")


def _redact(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    return {k: "***" if any(word in k.lower() for word in _SECRET_KEYS) else v for k, v in event.items()}


def configure(format: str, level: str) -> None:
    """Sets logs up for the process: `format` json or text, `level` as in logging."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.dict_tracebacks if format == "json" else structlog.processors.format_exc_info,
        _redact,
    ]
    processors.append(
        structlog.processors.JSONRenderer()
        if format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        stream=sys.stderr, level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s"
    )
