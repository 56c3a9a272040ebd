"""Everything that can go wrong, as one small tree.

    PaperroundError
    ├── WrongUse                 the person at the keyboard can mend it; exit code 2
    │   ├── ConfigurationError   a setting: names file, field and remedy
    │   ├── QueryError           a topic's query: one line and a caret under the spot
    │   ├── PreferenceError      one field of a subscriber's preferences: names the field and the remedy
    │   └── UnknownName          a topic, source or subscriber that is not there
    ├── SourceError              one source gave nothing usable; says whether to try again
    ├── StoreError               the database: full, locked, of another version
    ├── TransportError           the relay as a whole: unreachable, refusing, misconfigured
    └── BadToken                 a link or return address that is not ours, or that has expired

What concerns one paper, one subscriber or one letter is never an exception across a stage's border: it is a
value beside the others (`Problem`, `Outcome`), so that one failure stays one failure.
"""

from __future__ import annotations


class PaperroundError(Exception):
    """The base of them all; its text names the thing and the remedy."""


class WrongUse(PaperroundError):  # noqa: N818 - reads as what it is at the place where it is raised
    """A command, an argument or an input file that cannot be acted on as it stands."""


class ConfigurationError(WrongUse):
    """A setting is missing or wrong."""


class UnknownName(WrongUse):
    """A name that nothing goes by."""


class QueryError(WrongUse):
    """A query that does not parse: `query`, `position` (0-based offset of the spot) and what is wrong there."""

    def __init__(self, query: str, position: int, problem: str) -> None:
        self.query, self.position, self.problem = query, position, problem
        # At most 80 characters on one line, the spot among them: a query may have 2,000, and line breaks.
        start = max(0, position - 60)
        shown = "".join(c if c.isprintable() else " " for c in query[start : start + 80])
        super().__init__(f"{problem}\n  {shown}\n  {' ' * (position - start)}^")


class PreferenceError(WrongUse):
    """A value that one of a subscriber's preferences cannot have: `field` names it, `problem` has the remedy."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}")


class SourceError(PaperroundError):
    """A source failed as a whole; `again` tells whether the same request may succeed later."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


class MeaningError(PaperroundError):
    """No vectors can be made: the model is not installed, or the endpoint does not answer as it should."""


class StoreError(PaperroundError):
    """The database could not do what was asked; nothing was half written."""


class TransportError(PaperroundError):
    """The relay can take no letter at all at present; the letters stay queued."""


class BadToken(PaperroundError):  # noqa: N818 - names what came in
    """A personal link or return address that is not ours; `expired` tells that it was ours and has expired."""

    def __init__(self, message: str, *, expired: bool = False) -> None:
        super().__init__(message)
        self.expired = expired
