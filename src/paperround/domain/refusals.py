"""Classify refusals: is the recipient, the message, our reputation or the sender's account the reason? Pure.

The first rule in `RULES` that matches decides, both for replies of our relay and for replies quoted in reports.
docs/delivery.md prints the table. Words come before codes, because providers say "user unknown" under 5.5.0,
"blocklist" under 5.1.3 and "hourly limit" under a bare 550.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache

from paperround.domain.models import BounceKind, Outcome, Stage
from paperround.domain.refusal_words import WORDS
from paperround.domain.reply_codes import one_of
from paperround.domain.text import clean

MAIL_TRANSACTION = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.FINAL)
"""The stages that concern one letter (RFC 5321 section 3.3); before them, a refusal concerns the account."""

BAD_DOMAIN = "5.1.2"
"""RFC 3463 section 3.2: the domain of the address does not accept mail. A temporary DNS failure looks the same."""


SEVERAL = 3
"""The number of different subscribers, or domains, that is no coincidence."""
# Addresses, hosts, numbers, paths and the names of queue files differ from letter to letter.
_PARTICULAR = re.compile(r"\S*[\d@./=]\S*")


def wording(text: str) -> str:
    """Return what two refusals have in common if they say the same about different letters."""
    return " ".join(_PARTICULAR.sub("#", text.lower()).split())


class Verdict(Enum):
    """What a rule decides: the next action for a letter in our queue, and the kind of bounce for a report.

    After a 4xx reply, a letter is retried even if the verdict is permanent (RFC 5321 section 4.2.1).
    """

    SENT = "sent", BounceKind.NOTHING
    LATER = "later, counted", BounceKind.SOFT
    AGAIN = "retried soon; not counted", BounceKind.SOFT
    HARD = "not retried; the address is suppressed", BounceKind.HARD
    DOMAIN = "not retried; three in a row suppress the address", BounceKind.HARD
    SOFT = "not retried; counted against the address", BounceKind.SOFT
    OURS = "not retried; not counted against the address; the operator is alerted", BounceKind.POLICY
    PAUSE_RATE = "transport pauses 10 minutes", BounceKind.POLICY
    PAUSE_ACCOUNT = "transport pauses 15 minutes; the operator is alerted", BounceKind.POLICY
    PAUSE_DAY = "transport pauses until tomorrow; the operator is alerted", BounceKind.POLICY
    UNCLEAR = "later, counted", BounceKind.NOTHING

    def __init__(self, consequence: str, kind: BounceKind) -> None:
        self.consequence = consequence
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal of a letter, by our relay or by another server as quoted in a report."""

    at: str
    """The stage of the SMTP session; empty if a report does not state it."""
    code: str
    """The SMTP reply code; `none` if the relay sent no reply, `-` if a report states none."""
    enhanced: str
    """The enhanced status code (RFC 3463), or `-`."""
    text: str

    @classmethod
    def of(cls, outcome: Outcome) -> Refusal:
        """Return the refusal by our own relay."""
        code = "none" if outcome.code is None else str(outcome.code)
        return cls(outcome.stage.value, code, outcome.enhanced or "-", _comparable(outcome.text))

    @classmethod
    def reported(cls, at: Stage | None, code: str | None, enhanced: str | None, text: str) -> Refusal:
        """Return the refusal that a report quotes."""
        return cls(at.value if at else "", code or "-", enhanced or "-", _comparable(text))


@dataclass(frozen=True)
class Rule:
    """One row of the table: stage, codes and words to match. An empty column matches everything.

    In codes, `x` stands for any digits, `none` for no reply and `-` for no code. `words` is a key of WORDS.
    """

    at: str
    code: str
    enhanced: str
    words: str
    verdict: Verdict
    why: str

    def fits(self, refusal: Refusal) -> bool:
        """Return whether the rule matches this refusal."""
        return (
            (not self.at or refusal.at in self.at.split())
            and self._codes.fullmatch(refusal.code) is not None
            and self._enhanced.fullmatch(refusal.enhanced) is not None
            and (not self.words or WORDS[self.words].are_in(refusal.text))
        )

    @cached_property
    def _codes(self) -> re.Pattern[str]:
        return one_of(self.code)

    @cached_property
    def _enhanced(self) -> re.Pattern[str]:
        return one_of(self.enhanced)


_DEAD = "5.1.1 5.1.3 5.1.6 5.1.10 5.1.351 5.2.1"
_IN_TRANSACTION = " ".join(MAIL_TRANSACTION)
_REPLIED = "4xx 5xx -"

RULES = (
    Rule("final", "2xx", "", "", Verdict.SENT, "the relay has accepted responsibility for it"),
    Rule(
        "final", "none", "", "", Verdict.LATER, "unknown whether it was accepted: sent again with the same Message-ID"
    ),
    Rule(
        "", _REPLIED, "", "too fast for one", Verdict.LATER, "Gmail: too many emails to this subscriber at the moment"
    ),
    Rule("rcpt data final", _REPLIED, "", "their mailbox is full", Verdict.SOFT, "may pass"),
    Rule("", "-", "", "their mailbox is full", Verdict.SOFT, "the same, in a bounce report"),
    Rule("", _REPLIED, "x.7.28", "", Verdict.PAUSE_RATE, "the rate limit of Gmail's relay"),
    Rule("", _REPLIED, "5.4.5", "", Verdict.PAUSE_DAY, "the account's daily limit (Gmail)"),
    Rule(_IN_TRANSACTION, "454", "4.7.0", "", Verdict.PAUSE_DAY, "the account's daily limit (Gmail)"),
    Rule("", _REPLIED, "", "daily limit", Verdict.PAUSE_DAY, "the daily limit, in words"),
    Rule(_IN_TRANSACTION, "421 450 451 452 454", "4.7.x -", "too fast", Verdict.PAUSE_RATE, "a rate limit, in words"),
    Rule("auth", "4xx", "", "", Verdict.PAUSE_RATE, "a temporary failure of the login"),
    Rule("auth", "", "", "", Verdict.PAUSE_ACCOUNT, "the user name or password was refused"),
    Rule(
        "tls",
        "",
        "",
        "",
        Verdict.PAUSE_ACCOUNT,
        "no encryption or an invalid certificate; nothing is sent unencrypted",
    ),
    Rule("connect", "5xx", "", "", Verdict.PAUSE_ACCOUNT, "the server accepts no mail from this machine"),
    Rule("connect", "none", "", "", Verdict.AGAIN, "the relay cannot be reached, or sending has stopped"),
    Rule("", _REPLIED, "", "your account", Verdict.PAUSE_ACCOUNT, "a limit, a lock or an unverified sender"),
    Rule(
        "",
        "530 534 535 538",
        "",
        "",
        Verdict.PAUSE_ACCOUNT,
        "RFC 4954 6: the relay requires a login, or a different one",
    ),
    Rule("", _REPLIED, "", "your reputation", Verdict.OURS, "the sender's address or domain is refused"),
    Rule(_IN_TRANSACTION, "none", "", "", Verdict.AGAIN, "the connection ended before the final dot"),
    Rule("", "452 552", "4.5.3 5.5.3", "", Verdict.LATER, "RFC 5321 4.5.3.1.10: too many recipients is temporary"),
    Rule("mail", "552", "5.3.4 -", "", Verdict.OURS, "RFC 1870 6.1: too big"),
    Rule("mail", "5xx", "", "", Verdict.PAUSE_ACCOUNT, "the relay does not know the subscriber's address yet"),
    Rule("", _REPLIED, "", "mailbox full", Verdict.SOFT, "may pass"),
    Rule("", _REPLIED, "", "recipient's filter", Verdict.SOFT, "the subscriber's own filter"),
    Rule("", "-", "4.x.x", "no such domain", Verdict.SOFT, "the relay calls it temporary"),
    Rule(
        "",
        "5xx -",
        "5.x.x -",
        "no such domain",
        Verdict.DOMAIN,
        "a name server may fail for a while, so three in a row are needed",
    ),
    Rule("", _REPLIED, "", "no such user", Verdict.HARD, "the mailbox does not exist, or no longer exists"),
    Rule(
        "",
        "5xx",
        "5.0.x 5.1.x 5.2.x 5.4.1 5.5.0 -",
        "refused address",
        Verdict.HARD,
        "a missing mailbox, in a provider's words",
    ),
    Rule("", "5xx -", "5.1.7 5.1.8", "", Verdict.PAUSE_ACCOUNT, "the sender's own address is refused"),
    Rule("", "5xx -", "5.7.13", "", Verdict.HARD, "RFC 5248: the mailbox is disabled"),
    Rule("", _REPLIED, "4.7.x 5.7.x", "", Verdict.OURS, "a policy that the sender must comply with"),
    Rule("", _REPLIED, "", "their server", Verdict.SOFT, "may pass"),
    Rule("", _REPLIED, "", "this message", Verdict.OURS, "its size or content, or a rule against it"),
    Rule("", "5xx -", "5.3.4 5.5.x 5.6.x", "", Verdict.OURS, "too big or ill-formed for the server"),
    Rule("", "5xx -", _DEAD, "", Verdict.HARD, "the mailbox does not exist, or no longer exists"),
    Rule(
        "", "5xx -", "5.1.2", "", Verdict.DOMAIN, "a name server may fail for a while, so three in a row are needed"
    ),
    Rule("", "421", "", "", Verdict.AGAIN, "RFC 5321 3.8: the server ends the connection"),
    Rule("", "4xx", "", "", Verdict.LATER, "RFC 5321 4.2.1: the first digit decides"),
    Rule("rcpt", "550 551 552 553", "5.0.0 -", "", Verdict.SOFT, "something about the mailbox, but not what"),
    Rule("data final", "552", "5.0.0 -", "", Verdict.SOFT, "RFC 5321 4.2.3: the mailbox has no room"),
    Rule("rcpt data final", "5xx", "5.0.0 -", "", Verdict.OURS, "something about the message or the sender"),
    Rule("", "554", "5.0.0 -", "", Verdict.OURS, "a refusal that does not mention a mailbox"),
    Rule("", "5xx -", "5.x.x", "", Verdict.SOFT, "mailbox full, moved or similar; may pass"),
    Rule("", "-", "4.x.x", "", Verdict.LATER, "the relay tried until it gave up"),
    Rule("", "5xx", "", "", Verdict.SOFT, "RFC 5321 4.2.1: the first digit decides"),
    Rule("", "", "", "", Verdict.UNCLEAR, "not an SMTP reply"),
)

# Codes inside a multiline reply that was folded into one line: "… mail. To reduce 550-5.7.1 the amount …".
_CONTINUED = re.compile(r"(?<=\s)[245]\d\d[- ](?:[245]\.\d{1,3}\.\d{1,3}(?=\s))?")
# Email addresses must not match as words: "spam@", "user-unknown@".
ADDRESS = re.compile(r"[^\s<>;:,\"()\[\]]{1,64}@[^\s<>;:,\"()\[\]]{1,253}")
_MAX_TEXT = 4_000  # characters examined


@lru_cache(1_000)  # a relay refuses thousands of letters in the same words
def judge(refusal: Refusal) -> Rule:
    """Return the first rule that matches. The last rule matches everything."""
    return next(rule for rule in RULES if rule.fits(refusal))


def _comparable(text: str) -> str:
    """Return the text on one line, without the codes and addresses between its words."""
    return " ".join(ADDRESS.sub("@", _CONTINUED.sub("", clean(text[:_MAX_TEXT]))).split())
