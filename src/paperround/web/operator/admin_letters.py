"""The admin pages for emails: a list with filters, a single email as it was sent, retries, and the end of a pause."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain.models import Delivery, DeliveryState
from paperround.domain.text import counted
from paperround.operator import queries
from paperround.operator.retries import objections, resume_delivery, retriable, retry_letters
from paperround.rounds.letters import FinishedLetter, LetterBuilder
from paperround.web.context import WebContext
from paperround.web.forms import Form, read_number
from paperround.web.operator.admin_context import (
    MAX_PAGES,
    OperatorContextDep,
    admin_page,
    pages_around,
    recording,
)
from paperround.web.operator.viewer import DisplayOptions, frame, own_pictures
from paperround.web.parameters import checked_page

router = APIRouter(prefix="/admin/letters")
_PAGE = 50
_UNSENT = (DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.SUPPRESSED, DeliveryState.EXPIRED)


@router.get("")
def letters(
    request: Request, context: OperatorContextDep, state: str = "", email: str = "", page: int = 1
) -> Response:
    """Show emails, latest first, with their reasons and delivery attempts."""
    chosen = DeliveryState(state) if state in set(DeliveryState) else None
    offset = _PAGE * (checked_page(page, MAX_PAGES) - 1)
    rows = queries.deliveries(context.app, state=chosen, email=email.strip(), limit=_PAGE + 1, offset=offset)
    if page > 1 and not rows:
        raise HTTPException(404)
    return admin_page(
        request,
        context,
        "letters",
        letters=rows[:_PAGE],
        state=state,
        email=email,
        states=list(DeliveryState),
        counts=context.app.store.delivery_reports.count(),
        retriable=retriable(context.app, rows[:_PAGE]),
        turn=pages_around(page, more=len(rows) > _PAGE),
        more={"state": state, "email": email},
    )


@router.post("")
def retry(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Queue failed, expired or deferred emails again."""
    context.sessions.check_csrf(request, form)
    numbers = [number for number in map(read_number, form.all("letter")) if number]
    with recording(context, "letters queued again", f"{len(numbers)} asked for") as record:
        refused = retry_letters(context.app, numbers)
        done = [str(number) for number in numbers if number not in refused]
        record.subject = f"{', '.join(done) or 'none'}"[:200]
    back = f"/{numbers[0]}" if form.get("from") == "letter" and numbers else ""
    return RedirectResponse(f"{context.home}/admin/letters{back}", 303)


@router.post("/resume")
def resume(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """End a pause of the relay; the emails that waited are due now."""
    context.sessions.check_csrf(request, form)
    with recording(context, "delivery resumed") as record:
        record.subject = counted(resume_delivery(context.app), "letter", "letters")
    return RedirectResponse(f"{context.home}/admin", 303)


@router.get("/{row}")
def letter(request: Request, context: OperatorContextDep, row: int) -> Response:
    """Show one email: its state, papers, delivery attempts and bounces, and the email itself."""
    delivery = _delivery(context, row)
    letter = queries.delivery(context.app, row)
    assert letter is not None
    offered = retriable(context.app, [letter])
    return admin_page(
        request,
        context,
        "letter",
        delivery=delivery,
        letter=letter,
        papers=letter["scores"],
        retriable=offered,
        objection=objections(context.app, [row]).get(row, "") if letter["state"] in _UNSENT and not offered else "",
        bounces=context.app.store.bounces.report(delivery=row),
        subject=_finished(context, delivery).rendered.subject,
    )


@router.get("/{row}/html")
def html(context: OperatorContextDep, row: int) -> Response:
    """Return the HTML of an email for a frame. A digest shows its papers as they were when it was composed."""
    finished = _finished(context, _delivery(context, row))
    return frame(finished.rendered.html, DisplayOptions("system"), pictures=own_pictures(context.site))


def _delivery(context: WebContext, row: int) -> Delivery:
    stored = context.app.store.deliveries.by_row(row) if 0 < row < 2**62 else None
    if stored is None:
        raise HTTPException(404)
    return stored


def _finished(context: WebContext, delivery: Delivery) -> FinishedLetter:
    """Render the email of a delivery again from its stored data."""
    app = context.app
    subscriber = app.store.subscribers.by_row(delivery.subscriber)
    if subscriber is None:
        raise HTTPException(404)
    builder = app.shared(LetterBuilder)
    if delivery.digest is None:
        return builder.notice_letter(delivery, subscriber, app.clock())
    return builder.digest_letter(delivery, app.store.issues.digest(delivery.digest), subscriber, app.clock())
