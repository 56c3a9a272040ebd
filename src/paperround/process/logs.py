"""Structured logs on stderr, never inside a command's result.

structlog is slow to load (it brings rich), and most commands log nothing: it is loaded with the first message.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any


class Logger:
    """Writes an event and its facts: `log.warning("source broke", source="arxiv")`."""

    def __getattr__(self, level: str) -> Any:
        import structlog  # noqa: PLC0415

        if _levels:
            _configure()
        return getattr(structlog.get_logger(), level)


def logger() -> Any:
    """The logger of a module."""
    return Logger()


def show(*, verbose: bool) -> None:
    """Show warnings and errors on stderr; with `verbose` also what is done."""
    _levels.append(logging.INFO if verbose else logging.WARNING)
    if "structlog" in sys.modules:
        _configure()
    # APScheduler and uvicorn speak through the standard library; their warnings matter, their chatter does not.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


_ADDRESS = re.compile(r"[^\s<>\"'(),:;=]{1,64}@(?=[\w.-]+)")


def without_addresses(_logger: object, _level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The event with the local part of every address left out, also of those that a relay quotes in its reply.

    A log outlives the subscribers it tells of, and nobody erases them from it.
    """
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _ADDRESS.sub("…@", value)
    return event


_levels: list[int] = []
"""The level that is asked for and not set yet."""


def _configure() -> None:
    """Colored lines on a terminal, JSON lines elsewhere."""
    import structlog  # noqa: PLC0415

    # JSON alone would say of a traceback only that there is one.
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
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whatever stderr is by then
    )
