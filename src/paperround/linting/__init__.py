"""The email linter: find problems in a finished message before subscribers and mailbox providers do. Pure.

In reading order: `mail` parses a message and `page` its HTML, as mail clients do; `head`, `parts`, `structure`,
`links`, `words`, `contrast` and `clients` contain the rules; `size` breaks down the bytes.

The rules look only at the bytes of the message, so they also find mistakes in the code that builds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from paperround.domain.models import RenderedLetter, Site
from paperround.linting.clients import RULES as CLIENTS
from paperround.linting.contrast import RULES as CONTRAST
from paperround.linting.finding import LintFinding, Severity, most_severe_first
from paperround.linting.head import RULES as HEAD
from paperround.linting.links import RULES as LINKS
from paperround.linting.mail import Mail, opened
from paperround.linting.parts import RULES as PARTS
from paperround.linting.structure import RULES as STRUCTURE
from paperround.linting.words import RULES as WORDS

__all__ = ["LintFinding", "Severity", "lint"]

Rule = Callable[[Mail], Iterator[LintFinding]]
RULES: tuple[Rule, ...] = (*HEAD, *PARTS, *STRUCTURE, *LINKS, *WORDS, *CONTRAST, *CLIENTS)


def lint(
    message: bytes, rendered: RenderedLetter | None, site: Site, now: datetime | None = None
) -> list[LintFinding]:
    """Run all rules on a message and return the findings, most severe first.

    `rendered` is what the message was built from, if known; with `now`, a Date in the future is reported.
    """
    mail = opened(message, rendered, site, now)
    return most_severe_first(finding for rule in RULES for finding in rule(mail))
