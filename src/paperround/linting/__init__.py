"""What is wrong with a finished letter, before subscribers or their mail providers say so. Pure.

In reading order: `mail` takes a message apart, `page` reads its HTML as clients do; `head`, `parts`, `structure`,
`links`, `words`, `contrast` and `clients` hold the rules; `weight` says what the bytes are spent on.

The rules know nothing of how letters are made: they judge bytes, and so also find what the maker got wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from paperround.domain.models import Rendered, Site
from paperround.linting.clients import RULES as CLIENTS
from paperround.linting.contrast import RULES as CONTRAST
from paperround.linting.finding import LintFinding, Severity
from paperround.linting.head import RULES as HEAD
from paperround.linting.links import RULES as LINKS
from paperround.linting.mail import Mail, opened
from paperround.linting.parts import RULES as PARTS
from paperround.linting.structure import RULES as STRUCTURE
from paperround.linting.words import RULES as WORDS

__all__ = ["LintFinding", "Severity", "lint"]

Rule = Callable[[Mail], Iterator[LintFinding]]
RULES: tuple[Rule, ...] = (*HEAD, *PARTS, *STRUCTURE, *LINKS, *WORDS, *CONTRAST, *CLIENTS)
_ORDER = {severity: place for place, severity in enumerate(Severity)}


def lint(message: bytes, rendered: Rendered | None, site: Site, now: datetime | None = None) -> list[LintFinding]:
    """Everything that can be said against this message, the worst first.

    `rendered` is what the message was built from, where that is known; `now` lets a Date in the future be found.
    """
    mail = opened(message, rendered, site, now)
    return sorted((finding for rule in RULES for finding in rule(mail)), key=lambda finding: _ORDER[finding.severity])
