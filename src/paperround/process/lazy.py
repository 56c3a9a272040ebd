"""Lazy imports of slow libraries, for modules that every command imports.

    if TYPE_CHECKING:
        import httpx
    else:
        httpx = LazyModule("httpx")

The library is imported on the first access to one of its attributes.
"""

from __future__ import annotations

from importlib import import_module


class LazyModule:
    """A placeholder that imports a module on the first access to an attribute."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        return getattr(import_module(self._name), name)
