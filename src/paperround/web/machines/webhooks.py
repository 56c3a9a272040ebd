"""Bounce reports received over HTTP: a returned email, or the relay's own notification. A token is required."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from paperround.app import App
from paperround.bounces import signatures
from paperround.bounces.notifications import is_mailgun, is_sendgrid, is_ses, read_notifications, subscription_url
from paperround.bounces.verdict import Report
from paperround.domain import tokens
from paperround.domain.errors import SourceError
from paperround.domain.models import BounceKind
from paperround.domain.text import clean
from paperround.process import validation
from paperround.rounds import bounce_intake
from paperround.rounds.bounce_intake import ReturnedMail
from paperround.web.context import ContextDep, WebContext
from paperround.web.machines import bearer

log = structlog.get_logger()
router = APIRouter(prefix="/hooks")
_MAX_REPORTS = 1_000  # reports in one request: each is a transaction, and the caller waits for all of them
_MAX_TEXT = 500  # characters; the same limit as for a returned email
_CERTIFICATE, _CERTIFICATES = 1 << 16, 8  # bytes of one; number of cached ones
_TYPES = ("message/rfc822", "application/json", "text/plain")  # Amazon SNS calls its JSON text/plain


class BounceNotification(BaseModel):
    """A relay's report about one email: its Message-ID or return path, and what became of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: Annotated[str | None, Field(pattern=r"^<?[^<>\s\x00-\x1f\x7f]{3,300}>?$")] = None
    return_path: Annotated[str | None, Field(max_length=400)] = None
    kind: Literal[BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.COMPLAINT]
    status: Annotated[str | None, Field(pattern=r"^[245]\.\d{1,3}\.\d{1,3}$")] = None
    text: str = ""

    @model_validator(mode="after")
    def _names_a_letter(self) -> Self:
        if not (self.message_id or self.return_path):
            raise ValueError("identify the letter by message_id or return_path")
        return self

    def report(self) -> Report:
        """Return the report that a returned email with the same facts would give."""
        # Relays often omit the angle brackets.
        message_id = f"<{self.message_id.strip('<>')}>" if self.message_id else None
        token = tokens.find_verp(self.return_path) if self.return_path else None
        return Report(self.kind, token, message_id, self.status, clean(self.text)[:_MAX_TEXT])


def _authorised(request: Request, context: ContextDep) -> None:
    """Require a token with the scope `bounces:post`. Raises HTTP 404 if the site has no tokens at all."""
    if not context.sessions.admin_token and not context.app.store.access.tokens():
        raise HTTPException(
            404, "to send reports here, create a token: paperround tokens add NAME --scope bounces:post"
        )
    # Some relays support only Basic authentication; the token is then the password.
    bearer.require(request, context, "bounces:post", basic=True)


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post("/bounces", dependencies=[Depends(_authorised)])
def bounces(request: Request, context: ContextDep, body: Annotated[bytes, Depends(_body)]) -> JSONResponse:
    """Process bounce reports, and return the result of each, in their order."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _TYPES:
        raise HTTPException(415, f"send {' or '.join(_TYPES)}", {"Accept": ", ".join(_TYPES)})
    if media_type == _TYPES[0]:
        reports = bounce_intake.process_mails(context.app, [("mail", body)], trusted=True)
    else:
        reports = _take_reports(context, request, body)
    return JSONResponse([report.facts() for report in reports], headers={"Cache-Control": "no-store"})


def _take_reports(context: WebContext, request: Request, body: bytes) -> list[ReturnedMail]:
    try:
        value = from_json(body)
    except ValueError as error:
        raise HTTPException(400, f"not JSON: {clean(str(error))[:_MAX_TEXT]}") from None
    for record in value if isinstance(value, list) else [value]:
        if isinstance(record, dict) and (problem := _signature_problem(context, request, body, record)):
            raise HTTPException(403, f"the relay's request is rejected: {problem}")
    if url := subscription_url(value):
        # Even a caller with a token may have been tricked, so the operator checks the address before opening it.
        log.warning("Amazon SNS asks to confirm this webhook; open the address once", url=url)
        return [
            ReturnedMail("subscription", BounceKind.NOTHING, None, f"open once to confirm: {url}", None, new=False)
        ]
    reports = read_notifications(value)
    if reports is None:
        return _notices(context, value)
    return [
        bounce_intake.apply_report(context.app, f"report {number}", report, trusted=True)
        for number, report in enumerate(reports, 1)
    ]


def _signature_problem(context: WebContext, request: Request, body: bytes, record: Any) -> str | None:
    """Return what is wrong with the signature of a relay's record; None if it is valid or the relay does not sign.

    Raises HTTPException 503 if Amazon's certificate cannot be fetched now; SNS then tries again.
    """
    now, bounces = context.app.clock(), context.app.settings.bounces
    if signatures.is_sns(record):
        if bounces.sns_topic and record.get("TopicArn") != bounces.sns_topic:
            return "it comes from another topic of Amazon SNS"
        url = signatures.sns_certificate_url(record)
        if url is None:
            return "its certificate is not hosted by Amazon"
        return signatures.sns_problem(record, context.app.shared(CertificateCache).fetch(url), now)
    if is_ses(record):
        return "Amazon SES reports through SNS, in signed messages; turn off raw message delivery there"
    if bounces.sendgrid_key and is_sendgrid(record):
        return signatures.sendgrid_problem(request.headers, body, bounces.sendgrid_key, now)
    if bounces.mailgun_key and is_mailgun(record):
        problem = signatures.mailgun_problem(record, bounces.mailgun_key.get_secret_value(), now)
        claim = context.app.store.webhook_signatures.claim
        if problem is None and not claim(*signatures.mailgun_call(record), now):
            return "its signature came with another event before"
        return problem
    return None


class CertificateCache:
    """A cache of the certificates that Amazon SNS signs with. Each is fetched once per process; they change about
    yearly.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._known: dict[str, bytes] = {}

    def fetch(self, url: str) -> bytes:
        """Return the certificate at an address of Amazon. Raises HTTPException 503 if it cannot be fetched now."""
        if url not in self._known:
            try:
                answer = self._app.http.get(url, service="Amazon SNS", public_only=True, max_bytes=_CERTIFICATE)
                answer.expect_ok("Amazon SNS")
            except SourceError as error:
                log.error("the certificate of Amazon SNS cannot be fetched", problem=str(error))
                raise HTTPException(503, "the certificate of Amazon SNS cannot be fetched now") from None
            if len(self._known) >= _CERTIFICATES:
                self._known.clear()
            self._known[url] = answer.body
        return self._known[url]


def _notices(context: WebContext, notices: Any) -> list[ReturnedMail]:
    if not isinstance(notices, list) or len(notices) > _MAX_REPORTS:
        raise HTTPException(422, f"send a list of at most {_MAX_REPORTS} reports")
    return [_returned_mail(context, f"report {number}", notice) for number, notice in enumerate(notices, 1)]


def _returned_mail(context: WebContext, where: str, notice: Any) -> ReturnedMail:
    """Process one report. An invalid one is returned as a result, so that it neither blocks others nor is sent again
    forever.
    """
    try:
        report = BounceNotification.model_validate(notice).report()
    except ValidationError as error:
        return ReturnedMail(
            where, BounceKind.NOTHING, None, f"not a valid report: {_problem(error)}", None, new=False
        )
    return bounce_intake.apply_report(context.app, where, report, trusted=True)


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = validation.place(first["loc"])
    problem = validation.sentence(first)
    return clean(f"{field[:40]}: {problem}" if field else problem)[:_MAX_TEXT]
