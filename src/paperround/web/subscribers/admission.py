"""Whether a form that sends an email to a typed address is accepted, or must be submitted again.

It is submitted again to correct a mistyped domain, during a spike (see `form_guard`), or if its trap is filled in.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from paperround.domain.mail_domains import intended_address
from paperround.web.context import WebContext
from paperround.web.forms import FormFields
from paperround.web.rate_limits import FormLimits
from paperround.web.subscribers import form_guard
from paperround.web.subscribers.form_guard import Decision

TRAP = "extra"
"""A hidden field. People do not see it, but programs and some browser extensions fill it in."""


@dataclass(frozen=True, slots=True)
class Resubmission:
    """What the page of a form shows to have it submitted again. The fields are variables of its template."""

    meant: str = ""
    """The address that was probably meant."""
    asked: str = ""
    """The address that the visitor was asked about, now or before."""
    stamp: str = ""
    """The stamp of a form that must be submitted twice."""
    trapped: bool = False
    """Whether the hidden field was filled in."""

    @property
    def status(self) -> int:
        """The HTTP status of the page."""
        return 422 if self.trapped else 200


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision on a submitted form."""

    resubmission: Resubmission | None = None
    """How the form is shown again; None if it was accepted."""
    sends: bool = False
    """Whether an email may be sent. The response to an accepted form does not reveal it."""


def answered_address(form: FormFields, typed: str) -> str:
    """Return the address as it was typed, or the one that was asked about, if that is the answer."""
    return form.get("meant") or typed


def probable_address(form: FormFields, email: str) -> str:
    """Return the address that was probably meant; empty if the address looks right, or if this was asked before."""
    return "" if form.get("asked") == email else intended_address(email)


def admit(request: Request, context: WebContext, form: FormFields, email: str, limits: FormLimits) -> Admission:
    """Decide on a form with a valid address. Raises HTTPException as `form_guard.check` does."""
    if meant := probable_address(form, email):
        return Admission(Resubmission(meant=meant, asked=email))
    decision, asked = form_guard.check(request, context, form, email, limits), form.get("asked")
    if decision is Decision.AGAIN:
        return Admission(Resubmission(stamp=form_guard.make_stamp(request, context, email), asked=asked))
    if form.get(TRAP):
        return Admission(Resubmission(trapped=True, asked=asked))
    return Admission(sends=decision is Decision.SEND)
