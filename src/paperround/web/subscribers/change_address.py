"""A change of address: the request on the preferences page, and the page that confirms it at the new address.

A GET changes nothing. The page behind the link shows only the new address, because its reader may be a stranger.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from paperround.domain import tokens
from paperround.domain.errors import UsageError
from paperround.domain.models import Subscriber
from paperround.rendering.language import Language
from paperround.store.address_changes import AddressChange, ConfirmResult, keeps_address
from paperround.store.subscribers import email_key
from paperround.subscribers import address_change, membership
from paperround.web import wording
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form
from paperround.web.subscribers import form_guard, preferences
from paperround.web.subscribers.admission import probable_address
from paperround.web.subscribers.form_guard import Decision
from paperround.web.subscribers.preferences_form import PreferencesForm
from paperround.web.subscribers.token_links import path, subscriber_of

router = APIRouter()


@router.post("/p/{token}/address")
def request_change(request: Request, context: ContextDep, token: str, form: Form) -> Response:
    """Email the new address and ask its owner to confirm. The response is the same for every valid address."""
    subscriber = subscriber_of(context, token)
    language = context.languages.of_subscriber(request, subscriber)
    email = form.get("email").strip()[:500]
    if wrong := _why_not(context, subscriber, email, language):
        return _refused(request, context, subscriber, email, wrong)
    if meant := probable_address(form, email):
        question = language.gettext("Did you mean %(meant)s? If %(email)s is right, press the button again.")
        return _refused(request, context, subscriber, email, question % {"meant": meant, "email": email}, asked=email)
    email = membership.address(email)
    decision = form_guard.check(request, context, form, email, context.limits.newcomers)
    if decision is Decision.AGAIN:
        wrong = language.gettext(
            "We are receiving many requests right now. Wait a few seconds, then press the button again."
        )
        stamp = form_guard.make_stamp(request, context, email)
        return _refused(request, context, subscriber, email, wrong, asked=form.get("asked"), stamp=stamp)
    if not _store_request(context, subscriber, email, decision):
        wrong = language.gettext("Your address cannot be changed right now. Try again tomorrow.")
        return _refused(request, context, subscriber, email, wrong)
    return _requested(request, context, subscriber, email, language)


def _store_request(context: WebContext, subscriber: Subscriber, email: str, decision: Decision) -> bool:
    """Store a requested change and queue the email about it; return whether the subscriber may change the address."""
    queued = False
    try:
        queued = address_change.request(context.app, subscriber, email, silent=decision is Decision.SILENT)
    except UsageError:
        return False
    finally:
        if decision is Decision.SEND and not queued:
            form_guard.nothing_sent(context, email, context.limits.newcomers)
    return True


def _requested(
    request: Request, context: WebContext, subscriber: Subscriber, email: str, language: Language
) -> Response:
    """Say that an email is on its way to the new address."""
    _ = language.gettext
    lines = [
        _("We are sending an email to %(email)s. Open the link in it to start receiving your emails there.")
        % {"email": email},
        _("Until then, nothing changes. The link works for three days."),
        _("No email after a few minutes? Check your spam folder, or try another address."),
    ]
    here = path(context, tokens.PREFERENCES, subscriber).removeprefix(context.home)
    actions = [*context.pages.inbox_action(request, language), (here, _("All preferences"))]
    return context.pages.message(request, _("Check your email"), lines, language=language, actions=actions)


def _refused(
    request: Request,
    context: WebContext,
    subscriber: Subscriber,
    email: str,
    wrong: str,
    *,
    asked: str = "",
    stamp: str = "",
) -> Response:
    shown = PreferencesForm(subscriber.preferences, email=email, asked=asked, stamp=stamp, wrong={"email": wrong})
    return preferences.page(request, context, subscriber, shown=shown, status=422)


def _why_not(context: WebContext, subscriber: Subscriber, email: str, language: Language) -> str:
    """Return what is wrong with a new address as it was typed; empty if nothing is."""
    try:
        email = membership.address(email)
    except UsageError:
        return wording.invalid_address(language)
    if email_key(email) == email_key(subscriber.email):
        return language.gettext("This is already your address.")
    if not membership.can_be_written_to(context.app, email):
        return wording.unreachable_address(language)
    return ""


@router.get("/a/{token}")
def ask_to_confirm(request: Request, context: ContextDep, token: str) -> Response:
    """Show the new address, with a button to confirm it, or that it has a subscription of its own."""
    change, subscriber = _pending(context, token)
    if change is None or subscriber is None:
        return _nothing_waits(request, context)
    language = context.languages.of_subscriber(request, subscriber)
    other = context.app.store.subscribers.by_email(change.email)
    if other and keeps_address(other):
        return _address_taken(request, context, change, language)
    return context.pages.private(
        request,
        "change_address",
        language=language,
        email=change.email,
        action=f"{context.home}/a/{token}",
    )


@router.post("/a/{token}")
def confirm(request: Request, context: ContextDep, token: str) -> Response:
    """Change the address, and show the subscriber's preferences."""
    change, subscriber = _pending(context, token)
    if change is None or subscriber is None:
        return _nothing_waits(request, context)
    language = context.languages.of_subscriber(request, subscriber)
    match address_change.confirm(context.app, change.row):
        case ConfirmResult.CHANGED:
            moved = context.app.store.subscribers.by_row(change.subscriber) or subscriber
            confirmation = language.gettext("Your emails now go to %(email)s.") % {"email": moved.email}
            return preferences.page(request, context, moved, confirmation=confirmation)
        case ConfirmResult.TAKEN:
            return _address_taken(request, context, change, language)
        case ConfirmResult.GONE:
            return _nothing_waits(request, context)


def _pending(context: WebContext, token: str) -> tuple[AddressChange | None, Subscriber | None]:
    row = tokens.read(context.app.link_keys, tokens.ADDRESS, token)
    change = address_change.pending_change(context.app, row)
    return change, context.app.store.subscribers.by_row(change.subscriber) if change else None


def _nothing_waits(request: Request, context: WebContext) -> Response:
    language = context.languages.of_visitor(request)
    _ = language.gettext
    lines = [_("This link was used already, or is more than three days old. You can request a new one on your "
               "preferences page: every email from us links to it.")]  # fmt: skip
    return context.pages.message(
        request,
        _("Nothing to confirm"),
        lines,
        status=410,
        language=language,
        actions=[("/", _("Today's papers"))],
    )


def _address_taken(request: Request, context: WebContext, change: AddressChange, language: Language) -> Response:
    """Show that the address is in use. Only the owner of the new address sees this, because the link was emailed
    there.
    """
    other = context.app.store.subscribers.by_email(change.email)
    _ = language.gettext
    lines = [
        _("%(email)s already has a subscription of its own.") % {"email": change.email},
        _("To move your subscription here, first erase that one on its preferences page, then open this link again."),
    ]
    here = path(context, tokens.PREFERENCES, other).removeprefix(context.home) if other else "/"
    actions = [(here, _("Open that subscription"))]
    return context.pages.message(
        request, _("This address is in use"), lines, status=409, language=language, actions=actions
    )
