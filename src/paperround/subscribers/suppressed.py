"""Lifting the suppression of an address whose mailbox works again."""

from __future__ import annotations

from paperround.app import App
from paperround.domain.errors import UnknownNameError, UsageError
from paperround.store.suppressions import LiftResult


def lift(app: App, email: str) -> LiftResult:
    """Lift the suppression of an address, and queue the letters again that were withheld because of it.

    Raises UnknownNameError if the address is not suppressed, and UsageError if its owner complained: then only they
    can lift the suppression, by confirming again.
    """
    result = app.store.suppressions.lift(email, app.clock())
    if result is None:
        raise UnknownNameError(f"{email} is not suppressed; see: paperround subscribers suppressed")
    if not result.lifted:
        raise UsageError(
            f"the owner of {email} reported an email as spam, so only they can lift the suppression: "
            f"they subscribe at {app.site.base_url}/subscribe, and confirm"
        )
    return result
