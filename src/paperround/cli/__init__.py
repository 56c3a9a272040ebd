"""The command line. A command calls the stages and prints their results; it makes no decisions of its own.

One file for each group of commands. `program` lists all commands and finds the file of the one that was called, so
that no other is loaded; a command imports inside its function what is slow to load. That is why `--help`
answers at once. `shared` has what several commands use, `framework` how help looks.
"""

from __future__ import annotations

from paperround.cli.program import app, main

__all__ = ["app", "main"]
