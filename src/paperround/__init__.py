try:
    from paperround._version import __version__
except ModuleNotFoundError:  # a source tree that was never built; the build writes the version from git
    __version__ = "0"

__all__ = ["__version__"]
