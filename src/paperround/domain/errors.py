"""The exceptions of paperround.

    PaperroundError
    ├── UsageError               the user can correct it; exit code 2
    │   ├── ConfigurationError   a setting: names file, field and remedy
    │   ├── QueryError           a topic's query: one line and a caret under the error
    │   ├── PreferenceError      one field of a subscriber's preferences: names the field and the remedy
    │   └── UnknownNameError     a topic, source or subscriber that does not exist
    ├── SourceError              a source returned nothing usable; says whether to retry
    │   └── FormatError          what it returned, or a file, is not in the expected format
    ├── MeaningError             no vectors can be computed: no model, or a broken endpoint
    ├── StoreError               the database is full, locked or of another version
    ├── TransportError           the relay as a whole: unreachable, refusing, misconfigured
    └── InvalidTokenError        a link or return address that is invalid or has expired

A failure of one paper, one subscriber or one letter is never raised from one stage to another. It is returned as a
value (`Problem`, `Outcome`), so that it does not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

_MAX_LISTED = 10


class PaperroundError(Exception):
    """The base class of all errors. The text of each error names what is wrong and how to fix it."""


class UsageError(PaperroundError):
    """A command, an argument or an input file is invalid."""


class ConfigurationError(UsageError):
    """A setting is missing or wrong."""

    @classmethod
    def listing(cls, problems: Sequence[str]) -> Self:
        """Return the error for all these problems: a line for each of the first ten, and how many more there are."""
        left = len(problems) - _MAX_LISTED
        return cls("\n".join([*problems[:_MAX_LISTED], *([f"and {left} more"] if left > 0 else [])]))


class UnknownNameError(UsageError):
    """A name does not exist."""


def translatable(sentence: str) -> str:
    """Return the sentence, which marks it for the catalogs in templates/locale. Import this as `_`."""
    return sentence


class QueryError(UsageError):
    """A query does not parse.

    `query` is the query, `position` the 0-based offset of the error, and `problem` describes it.
    """

    def __init__(self, query: str, position: int, sentence: str, **facts: object) -> None:
        """`sentence` is `translatable`, and `facts` are the values of its placeholders."""
        self.query, self.position, self._sentence, self._facts = query, position, sentence, facts
        self.problem = sentence % facts
        super().__init__(self.translated(translatable))

    def translated(self, translate: Callable[[str], str]) -> str:
        """Return the problem in another language, and the spot on two more lines."""
        # Show at most 80 characters around the error on one line: a query may have 2,000 characters and line breaks.
        start = max(0, self.position - 60)
        shown = "".join(c if c.isprintable() else " " for c in self.query[start : start + 80])
        spot = f"\n  {shown}\n  {' ' * (self.position - start)}^" if shown.strip() else ""  # nothing to point at
        return translate(self._sentence) % self._facts + spot


class InvalidValueError(ValueError):
    """An entered value is invalid. The text has the remedy."""

    def __init__(self, sentence: str, **facts: object) -> None:
        """`sentence` is `translatable`, and `facts` are the values of its placeholders."""
        self._sentence, self._facts = sentence, facts
        super().__init__(self.translated(translatable))

    def translated(self, translate: Callable[[str], str]) -> str:
        """Return the text in another language."""
        return translate(self._sentence) % self._facts


class InvalidEntriesError(InvalidValueError):
    """Several entries of a list are invalid. The text names each problem, so that all can be corrected at once."""

    def __init__(self, errors: Sequence[InvalidValueError]) -> None:
        self._errors = errors
        ValueError.__init__(self, self.translated(translatable))

    def translated(self, translate: Callable[[str], str]) -> str:
        """Return the text in another language."""
        return ". ".join(dict.fromkeys(error.translated(translate) for error in self._errors))


class PreferenceError(UsageError):
    """A preference has an invalid value. `field` names the preference, `problem` has the remedy."""

    def __init__(self, field: str, reason: InvalidValueError) -> None:
        self.field, self.problem, self._reason = field, str(reason), reason
        super().__init__(f"{field}: {reason}")

    def translated(self, translate: Callable[[str], str]) -> str:
        """Return the problem in another language, without the name of the field."""
        return self._reason.translated(translate)


class SourceError(PaperroundError):
    """A source failed as a whole. `retryable` is true if the same request may succeed later."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class FormatError(SourceError):
    """Bytes are not in the format that is expected of them.

    `problem` is the error without a remedy, because sources and files need different ones.
    """

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}; check the address", retryable=True)


class MeaningError(PaperroundError):
    """No vectors can be computed: the model is not installed, or the endpoint returned an error or an invalid
    response.
    """


class StoreError(PaperroundError):
    """The database could not complete an operation. Nothing was written partially."""


class TransportError(PaperroundError):
    """The relay accepts no letters at present. The letters stay queued."""


class InvalidTokenError(PaperroundError):
    """A personal link or return address is not valid here. `expired` is true if it was valid and has expired."""

    def __init__(self, message: str, *, expired: bool = False) -> None:
        super().__init__(message)
        self.expired = expired
