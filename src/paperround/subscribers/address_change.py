"""Moving a subscription to another address, which must be confirmed there.

Until then, nothing changes. Only the owner of the new address learns whether it is already subscribed: the page that
requests the change responds the same for every address, and only the link in the email to the new address reveals
more.
"""

from __future__ import annotations

from paperround.app import App
from paperround.domain.errors import UsageError
from paperround.domain.models import NOTICE_HOLDS, Subscriber
from paperround.store.address_changes import AddressChange, AddressRequestResult, ConfirmResult
from paperround.store.subscribers import email_key
from paperround.subscribers import membership
from paperround.subscribers.confirmation import new_notice


def request(app: App, subscriber: Subscriber, email: str, *, silent: bool = False) -> bool:
    """Ask the owner of an address to confirm that this subscriber's emails may be sent there.

    Returns whether an email to the address was queued; with `silent`, none is.

    Raises UsageError if the address is invalid or is the subscriber's own, if the subscriber is neither active nor
    paused, and after three requests within a day.
    """
    email = membership.address(email)
    membership.check_reading(subscriber, doing="move")
    if email_key(email) == email_key(subscriber.email):
        raise UsageError(f"{email} is already the address of this subscriber")
    result = app.store.address_changes.request(subscriber, email, new_notice(app, {}), app.clock(), silent=silent)
    if result is AddressRequestResult.TOO_MANY:
        raise UsageError("three changes of address were requested for this subscriber today; try again tomorrow")
    app.request_round()
    return result is AddressRequestResult.QUEUED


def pending_change(app: App, row: int) -> AddressChange | None:
    """Return the request with this number; None if it was settled, its link has expired, or it does not exist."""
    change = app.store.address_changes.by_row(row)
    if change is None or change.settled or change.created_at <= app.clock() - NOTICE_HOLDS:
        return None
    return change


def confirm(app: App, row: int) -> ConfirmResult:
    """Confirm a change of address: emails are sent to the new address from now on, and the old one is notified."""
    if pending_change(app, row) is None:
        return ConfirmResult.GONE
    result = app.store.address_changes.confirm(row, new_notice(app, {}), app.clock())
    app.request_round()
    return result
