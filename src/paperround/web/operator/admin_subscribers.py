"""The admin pages for subscribers: search, add, edit, import and export them, and explain why they got no email."""

from __future__ import annotations

import io
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from paperround.domain import encodings, preferences
from paperround.domain.errors import UsageError
from paperround.domain.models import Subscriber, SubscriberState
from paperround.domain.preferences import DEFAULTS, FIELDS, LISTS, Preferences
from paperround.domain.schedule import Cadence
from paperround.operator import queries
from paperround.operator.retries import retriable
from paperround.rendering import breadth_labels
from paperround.store.subscribers import SubscriberFilter
from paperround.store.suppressions import NO_SUBSCRIBER
from paperround.subscribers import address_change, confirmation, csv_file, csv_import, membership, suppressed
from paperround.web import wording
from paperround.web.browse.periods import read_day
from paperround.web.context import WebContext
from paperround.web.forms import Form, FormFields, FormWithFile
from paperround.web.operator.admin_context import (
    MAX_PAGES,
    OperatorContextDep,
    admin_page,
    pages_around,
    recording,
)
from paperround.web.parameters import checked_page
from paperround.web.responses import PRIVATE
from paperround.web.subscribers import preferences_form
from paperround.web.subscribers.preferences_form import PreferencesForm

router = APIRouter(prefix="/admin/subscribers")
_PAGE, _LETTERS_SHOWN, _SILENT_SHOWN = 50, 100, 200
_ASKED_ALREADY = "They were asked less than a day ago, or five times this month. Try again tomorrow."


# --- all of them --------------------------------------------------------------------------------------------------


@router.get("")
def subscribers(
    request: Request, context: OperatorContextDep, q: str = "", state: str = "", page: int = 1
) -> Response:
    """Show the subscribers in a state whose address contains the characters of `q`, newest first."""
    chosen = SubscriberState(state) if state in set(SubscriberState) else None
    offset = _PAGE * (checked_page(page, MAX_PAGES) - 1)
    matching = context.app.store.subscribers.find(
        SubscriberFilter(q, chosen), newest_first=True, limit=_PAGE + 1, offset=offset
    )
    if page > 1 and not matching:
        raise HTTPException(404)
    return admin_page(
        request,
        context,
        "subscribers",
        subscribers=matching[:_PAGE],
        chosen=_chosen,
        q=q,
        state=state,
        states=list(SubscriberState),
        counts=context.app.store.subscribers.count(),
        suppressed=context.app.store.suppressions.count(),
        turn=pages_around(page, more=len(matching) > _PAGE),
        more={"q": q, "state": state},
    )


def _chosen(chosen: Preferences) -> list[str]:
    """Return the slugs of the chosen topics, and the numbers of interests and followed names."""
    own = ((len(chosen.queries), "interest"), (len(chosen.follows), "followed name"))
    return [*chosen.topics, *(f"{number} {what}{'s' if number > 1 else ''}" for number, what in own if number)]


@router.get("/silent")
def silent(request: Request, context: OperatorContextDep) -> Response:
    """Show up to 200 subscribers who received no email today, each with the reason."""
    listed = list(islice(queries.silent(context.app), _SILENT_SHOWN + 1))
    return admin_page(request, context, "silent", silent=listed[:_SILENT_SHOWN], many=len(listed) > _SILENT_SHOWN)


@router.get("/suppressed")
def suppressed_addresses(
    request: Request, context: OperatorContextDep, q: str = "", page: int = 1, done: str = ""
) -> Response:
    """Show the suppressed addresses that contain the characters of `q`, latest first."""
    return _suppressed_page(request, context, q, page, message=_DONE.get(done, ""))


@router.post("/suppressed")
def lift_suppression(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Lift the suppression of an address."""
    context.sessions.check_csrf(request, form)
    try:
        with recording(context, "subscriber: lift", NO_SUBSCRIBER) as record:
            record.subject = suppressed.lift(context.app, form.get("email")).audit_subject
    except UsageError as error:
        return _suppressed_page(request, context, wrong=str(error))
    return RedirectResponse(f"{context.home}/admin/subscribers/suppressed?done=lifted", 303)


def _suppressed_page(
    request: Request, context: WebContext, q: str = "", page: int = 1, *, message: str = "", wrong: str = ""
) -> Response:
    suppressions = context.app.store.suppressions
    offset = _PAGE * (checked_page(page, MAX_PAGES) - 1)
    listed = suppressions.find(q, limit=_PAGE + 1, offset=offset)
    if page > 1 and not listed:
        raise HTTPException(404)
    return admin_page(
        request,
        context,
        "suppressed",
        status=422 if wrong else 200,
        addresses=listed[:_PAGE],
        number=suppressions.count(),
        q=q,
        message=message,
        wrong=wrong,
        turn=pages_around(page, more=len(listed) > _PAGE),
        more={"q": q},
    )


@router.get("/export.csv")
def export(context: OperatorContextDep) -> Response:
    """Return all subscribers as CSV, in the format of `paperround subscribers export`."""
    headers = {**PRIVATE, "Content-Disposition": 'attachment; filename="subscribers.csv"'}
    with recording(context, "subscribers exported"):
        lines = csv_file.write(context.app.store.subscribers.by_address())
    return StreamingResponse(lines, headers=headers, media_type="text/csv; charset=utf-8")


# --- add and import -----------------------------------------------------------------------------------------------


@router.get("/new")
def new(request: Request, context: OperatorContextDep) -> Response:
    """Show the form for a new subscriber."""
    return _form_page(request, context, PreferencesForm())


@router.post("/new")
def add(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Add a subscriber: active if they have already agreed, otherwise pending, with an email that asks them to
    confirm.
    """
    context.sessions.check_csrf(request, form)
    shown = preferences_form.read_form(form)
    if form.get("do") == "try":
        return _form_page(request, context, _with_previews(context, shown))
    patch, shown = preferences_form.check_form(context, shown, context.languages.english, with_email=True)
    if patch is None:
        return _form_page(request, context, shown, status=422)
    email = membership.address(shown.email)
    stored = context.app.store.subscribers.by_email(email)
    if stored:
        wrong = f"{email} is already a subscriber ({stored.state.value})."
        return _form_page(request, context, replace(shown, wrong={"email": wrong}), status=422)
    with recording(context, "subscriber added", "a new subscriber") as record:
        membership.add(context.app, email, patch, confirmed="confirmed" in form)
        added = membership.subscriber(context.app, email)
        record.subject = f"subscriber {added.row}"
    return _redirect(context, added.row, "added" if "confirmed" in form else "asked")


@router.get("/import")
def import_form(request: Request, context: OperatorContextDep) -> Response:
    """Show the form to import a list of subscribers."""
    return _import_page(request, context, FormFields())


@router.post("/import")
def import_list(request: Request, context: OperatorContextDep, sent: FormWithFile) -> Response:
    """Preview the import of a list, or import it. Both show the result for each row."""
    form, uploaded = sent
    context.sessions.check_csrf(request, form)
    data = uploaded if uploaded.strip() else form.get("csv").encode()
    text = encodings.decode(data)[0]
    dry_run = form.get("do") != "import"
    options = csv_import.ImportOptions(
        confirmed="confirmed" in form, overwrite=form.all("overwrite"), dry_run=dry_run
    )
    audit = nullcontext() if dry_run else recording(context, "subscribers imported", "in progress")
    try:
        rows = csv_file.read(io.BytesIO(data))
        with audit as record:
            report = csv_import.import_subscribers(context.app, rows, options)
            if record:
                record.subject = ", ".join(f"{n} {w}" for w, n in report.counts.items())
    except UsageError as error:
        return _import_page(request, context, form, text, wrong=str(error))
    return _import_page(request, context, form, text, report)


def _import_page(
    request: Request,
    context: WebContext,
    form: FormFields,
    text: str = "",
    report: csv_import.ImportReport | None = None,
    wrong: str = "",
) -> Response:
    return admin_page(
        request,
        context,
        "import",
        status=422 if wrong else 200,
        fields=FIELDS,
        typed=form,
        csv="" if report and form.get("do") == "import" else text,
        report=report,
        dry_run=form.get("do") != "import",
        wrong=wrong,
    )


# --- one of them --------------------------------------------------------------------------------------------------


@router.get("/{row}")
def subscriber(request: Request, context: OperatorContextDep, row: int, done: str = "") -> Response:
    """Show one subscriber: preferences, state, next email, past emails, and why there was none today."""
    return _subscriber_page(request, context, _subscriber(context, row), message=_DONE.get(done, ""))


@router.get("/{row}/edit")
def edit(request: Request, context: OperatorContextDep, row: int) -> Response:
    """Show the form with a subscriber's preferences."""
    stored = _subscriber(context, row)
    return _form_page(request, context, PreferencesForm(stored.preferences), stored)


@router.post("/{row}/edit")
def save(request: Request, context: OperatorContextDep, row: int, form: Form) -> Response:
    """Change a subscriber's preferences."""
    context.sessions.check_csrf(request, form)
    subscriber = _subscriber(context, row)
    shown = preferences_form.read_form(form, subscriber.preferences)
    if form.get("do") == "try":
        return _form_page(request, context, _with_previews(context, shown, subscriber), subscriber)
    if form.get("version") != shown.version:
        return _form_page(request, context, shown, subscriber, status=409)
    patch, shown = preferences_form.check_form(context, shown, context.languages.english)
    if patch is None:
        return _form_page(request, context, shown, subscriber, status=422)
    with recording(context, "subscriber edited", f"subscriber {row}") as record:
        result = membership.change(context.app, subscriber, patch)
        fields = ", ".join(result.fields) if result else ""
        record.subject += f": {fields or 'nothing changed'}"
    return _redirect(context, row, "saved")


@router.post("/{row}")
def change(request: Request, context: OperatorContextDep, row: int, form: Form) -> Response:
    """Pause, resume, unsubscribe, move or erase a subscriber, renew their links, lift the suppression of their
    address, or send a link or confirmation.
    """
    context.sessions.check_csrf(request, form)
    subscriber, do = _subscriber(context, row), form.get("do")
    if do == "erase" and "sure" not in form:
        return _redirect(context, row, "")
    try:
        with recording(context, f"subscriber: {do}", f"subscriber {row}"):
            done = _change(context, subscriber, do, form)
    except UsageError as error:
        return _subscriber_page(request, context, subscriber, wrong=str(error))
    if done == "erased":
        return RedirectResponse(f"{context.home}/admin/subscribers", 303)
    return _redirect(context, row, done)


_DONE = {
    "added": "Added. They receive emails from now on.",
    "asked": "Added. An email asks them to confirm; they receive nothing else until then.",
    "saved": "Saved.",
    "paused": "Paused.",
    "resumed": "Emails resumed.",
    "unsubscribed": "Unsubscribed.",
    "link": "An email with the link to their preferences is on its way.",
    "confirmation": "An email that asks them to confirm is on its way.",
    "renewed": "The links in their earlier emails no longer work. An email with the new one is on its way.",
    "renewed-silently": "The links in their earlier emails no longer work. The new ones come with their next email.",
    "lifted": "The address is no longer suppressed.",
    "moving": "An email to the new address asks its owner to confirm. Nothing changes until then.",
}
"""The message about a completed change, by the name in the address of the redirect."""


def _change(context: WebContext, subscriber: Subscriber, do: str, form: FormFields) -> str:
    """Make one of the changes, and return the name of what was done. Raises UsageError if it is impossible."""
    app = context.app
    match do:
        case "pause":
            until = form.get("until")
            membership.pause(app, subscriber, read_day(until) if until else None)
            return "paused"
        case "resume":
            membership.resume(app, subscriber)
            return "resumed"
        case "unsubscribe":
            membership.unsubscribe(app, subscriber)
            return "unsubscribed"
        case "link":
            if not confirmation.ask_for_link(app, subscriber.email):
                raise UsageError(_ASKED_ALREADY)
            return "confirmation" if subscriber.state is SubscriberState.PENDING else "link"
        case "new-links":
            return "renewed" if membership.renew_links(app, subscriber) else "renewed-silently"
        case "move":
            address_change.request(app, subscriber, form.get("email"))
            return "moving"
        case "lift":
            suppressed.lift(app, subscriber.email)
            return "lifted"
        case "erase":
            membership.erase(app, subscriber)
            return "erased"
        case _:
            raise UsageError(f"there is no change {do[:40]!r}")


def _subscriber_page(
    request: Request, context: WebContext, subscriber: Subscriber, *, message: str = "", wrong: str = ""
) -> Response:
    letters = context.app.store.delivery_reports.find(subscriber=subscriber.row, limit=_LETTERS_SHOWN)
    suppression = context.app.store.suppressions.by_email(subscriber.email)
    return admin_page(
        request,
        context,
        "subscriber",
        subscriber=subscriber,
        message=message,
        wrong=wrong,
        status=422 if wrong else 200,
        why=queries.why_nothing(context.app, subscriber),
        due=queries.subscriber_facts(subscriber)["next_digest_at"],
        preferences_shown=_described(context, subscriber.preferences),
        letters=letters,
        liftable=suppression is not None and not suppression.is_complaint,
        retriable=retriable(context.app, letters),
        tomorrow=context.today.isoformat(),
    )


_LABELS = {
    "name": "Name",
    "queries": "Interests",
    "follows": "Authors and organizations",
    "paused_until": "Paused until",
}
"""Labels that differ from those of the subscriber's form."""


def _described(context: WebContext, chosen: Preferences) -> dict[str, str]:
    """Return the preferences that apply, as texts by their labels: topics by name, lists joined by commas."""
    language = context.languages.english
    topics = context.app.store.topics.by_slugs(chosen.topics)
    labels = wording.labels(language) | _LABELS
    texts = preferences.write_text(chosen)
    texts |= {name: ", ".join(getattr(chosen, name)) for name in LISTS}
    texts |= {
        "topics": ", ".join(sorted(topic.name for topic in topics)),
        "weekday": wording.weekdays(language)[chosen.weekday] if chosen.cadence is Cadence.WEEKLY else "",
        "monthday": texts["monthday"] if chosen.cadence is Cadence.MONTHLY else "",
        "cadence": dict(wording.cadences(language))[chosen.cadence],
        "density": dict(wording.densities(language))[chosen.density],
        "breadth": breadth_labels.short_setting(chosen.breadth, language),
        "quiet_days": dict(wording.quiet_days(language, new_site=context.new_site))[chosen.quiet_days],
        "theme": dict(wording.themes([chosen.theme], language))[chosen.theme],
        "language": context.languages.names.get(chosen.language, chosen.language),
    }
    return {labels[name]: text for name, text in texts.items()}


def _form_page(
    request: Request,
    context: WebContext,
    form: PreferencesForm,
    stored: Subscriber | None = None,
    status: int = 200,
) -> Response:
    """Show the form for a new subscriber, or with the preferences of an existing one. Admin pages are in English."""
    return admin_page(
        request,
        context,
        "subscriber_form",
        status=status,
        subscriber=stored,
        form=form,
        stale=status == 409,
        version=PreferencesForm(stored.preferences if stored else DEFAULTS).version,
        choices=preferences_form.choices(context, context.languages.english, form),
    )


def _with_previews(context: WebContext, shown: PreferencesForm, stored: Subscriber | None = None) -> PreferencesForm:
    feedback = context.app.store.feedback.ratings(stored.row) if stored else ()
    return preferences_form.with_previews(context.app, shown, context.languages.english, feedback)


def _subscriber(context: WebContext, row: int) -> Subscriber:
    stored = context.app.store.subscribers.by_row(row) if 0 < row < 2**62 else None
    if stored is None:
        raise HTTPException(404)
    return stored


def _redirect(context: WebContext, row: int, done: str) -> Response:
    """Redirect to the subscriber's page, so that reloading it does not repeat the change."""
    return RedirectResponse(f"{context.home}/admin/subscribers/{row}{f'?done={done}' if done else ''}", 303)
