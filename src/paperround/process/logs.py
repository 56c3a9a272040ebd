"""Structured logs on stderr, separate from a command's output.

structlog is slow to load (it imports rich), and most commands log nothing. It is imported with the first message.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any


class Logger:
    """Logs an event with its facts: `log.warning("source failed", source="arxiv")`."""

    def __getattr__(self, level: str) -> Any:
        import structlog  # noqa: PLC0415

        if _levels:
            _configure()
        return getattr(structlog.get_logger(), level)


def logger() -> Any:
    """Return the logger of a module."""
    return Logger()


def show(*, verbose: bool) -> None:
    """Show warnings and errors on stderr, and with `verbose` also informational messages."""
    _levels.append(logging.INFO if verbose else logging.WARNING)
    if "structlog" in sys.modules:
        _configure()
    # APScheduler and uvicorn use the standard library's logging. Show only their warnings and errors.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


_ADDRESS = re.compile(r"[^\s<>\"'(),:;=]{1,64}@(?=[\w.-]+)")


def without_addresses(_logger: object, _level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Remove the local part of every email address from an event, including those that a relay quotes in its reply.

    Logs are kept longer than subscribers' data, and erasing a subscriber does not change them.
    """
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _ADDRESS.sub("…@", value)
    return event


_levels: list[int] = []
"""The requested level, until it is applied."""


def _configure() -> None:
    """Configure structlog: colored lines on a terminal, JSON lines elsewhere."""
    import structlog  # noqa: PLC0415

    # Without format_exc_info, JSON would contain no traceback.
    as_json_lines = (structlog.processors.format_exc_info, without_addresses, structlog.processors.JSONRenderer())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            without_addresses,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.dev.ConsoleRenderer()] if sys.stderr.isatty() else as_json_lines),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_levels.pop()),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # stderr may have been replaced
    )
