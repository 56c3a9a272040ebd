"""Libraries that are slow to load, for modules that every command imports: loaded when they are first used.

if TYPE_CHECKING:
import httpx
else:
httpx = LazyModule("httpx")
"""

from __future__ import annotations

from importlib import import_module


class LazyModule:
    """Stands for a module until something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        return getattr(import_module(self._name), name)
