"""`paperround doctor`: check the site for problems, each with its remedy. Read-only.

Each module has the checks of one subject, and `findings` what they find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from paperround.app import App
from paperround.domain.errors import PaperroundError, StoreError
from paperround.operator.doctor import incoming_mail, machine, outgoing_mail, papers, topics, work
from paperround.operator.doctor.findings import CheckState, Finding, Subject, by_subject, conclude, unusable

__all__ = ["CHECKS", "CheckState", "Finding", "Subject", "by_subject", "conclude", "examine", "unusable"]


def examine(app: App) -> list[Finding]:
    """Run all checks. A check that raises an error becomes a finding."""
    return [finding for name, check in CHECKS.items() for finding in _guarded(name, check, app)]


def _guarded(name: str, check: Callable[[App], Iterator[Finding]], app: App) -> list[Finding]:
    """Run a check and return its findings; if it raises an error, its findings so far and one about the error."""
    findings = list[Finding]()
    try:
        findings += check(app)
    except (PaperroundError, OSError) as error:
        return [*findings, Finding(name, CheckState.ERROR, str(error), stops=isinstance(error, StoreError | OSError))]
    except Exception as error:  # noqa: BLE001 - a broken check must not end the others
        what = f"the check itself failed ({type(error).__name__}: {error}); please report this"
        return [*findings, Finding(name, CheckState.ERROR, what)]
    return findings or [Finding(name, CheckState.OK, "no problems found")]


CHECKS: Mapping[str, Callable[[App], Iterator[Finding]]] = {
    "database": machine.check_database,
    "files": machine.check_files,
    "environment": machine.check_environment,
    "site": outgoing_mail.check_site,
    "mail": outgoing_mail.check_mail,
    "letters": outgoing_mail.check_letters,
    "sending": outgoing_mail.check_sending,
    "sources": papers.check_sources,
    "webhooks": work.check_webhooks,
    "topics": topics.check_topics,
    "meaning": papers.check_meaning,
    "summaries": papers.check_summaries,
    "rounds": work.check_rounds,
    "deliveries": work.check_deliveries,
    "replies": incoming_mail.check_replies,
    "mailbox": incoming_mail.check_mailbox,
    "bounces": incoming_mail.check_bounces,
}
"""The checks by name. A check that breaks is reported under its name."""
