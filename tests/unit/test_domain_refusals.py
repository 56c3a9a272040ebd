from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.delivery.retry import ACCOUNT_PAUSE, RATE_PAUSE
from paperround.domain.models import BounceKind, Outcome, Stage
from paperround.domain.refusal_words import WORDS
from paperround.domain.refusals import RULES, Refusal, Verdict, judge
from paperround.domain.reply_codes import enhanced

DOCS = Path(__file__).parents[2] / "docs" / "delivery.md"


def met(stage, code, text=""):
    """What our own relay says."""
    return Refusal.of(Outcome(1, Stage(stage), code, enhanced(text), text))


def told(text="", status=None, code=None, at=None):
    """What a report quotes."""
    return Refusal.reported(Stage(at) if at else None, code, status, text)


# One refusal for each row of the table, in its order.
SAID = [
    (met("final", 250, "2.0.0 queued as 4XyZ"), Verdict.SENT),
    (met("final", None, "connection lost"), Verdict.LATER),
    (told("The user is receiving mail at a rate that is too high", "5.2.1", "550"), Verdict.LATER),
    (met("rcpt", 552, "the mailbox exceeded its daily quota"), Verdict.SOFT),
    (told("the inbox is full", "5.1.1"), Verdict.SOFT),
    (met("rcpt", 450, "4.7.28 slow down"), Verdict.PAUSE_RATE),
    (met("data", 550, "5.4.5 enough"), Verdict.PAUSE_DAY),
    (met("mail", 454, "4.7.0 enough"), Verdict.PAUSE_DAY),
    (met("rcpt", 550, "You may send 200 messages a day; that limit is reached"), Verdict.PAUSE_DAY),
    (met("mail", 421, "4.7.0 unusual rate of mail"), Verdict.PAUSE_RATE),
    (met("auth", 454, "4.7.0 try to log in later"), Verdict.PAUSE_RATE),
    (met("auth", 535, "5.7.8 wrong password"), Verdict.PAUSE_ACCOUNT),
    (met("tls", None, "the relay offers no STARTTLS"), Verdict.PAUSE_ACCOUNT),
    (met("connect", 554, "5.7.1 go away"), Verdict.PAUSE_ACCOUNT),
    (met("connect", None, "Connection refused"), Verdict.AGAIN),
    (met("rcpt", 550, "papers.example exceeds 90 messages per hour"), Verdict.PAUSE_ACCOUNT),
    (met("mail", 530, "5.7.0 log in first"), Verdict.PAUSE_ACCOUNT),
    (told("192.0.2.7 is on a blocklist", "5.1.3", "553"), Verdict.OURS),
    (met("data", None, "connection lost"), Verdict.AGAIN),
    (met("rcpt", 452, "4.5.3 one at a time"), Verdict.LATER),
    (met("mail", 552, "5.3.4 more than I take"), Verdict.OURS),
    (met("mail", 550, "go away"), Verdict.PAUSE_ACCOUNT),
    (told("the mailbox is over its quota", "5.1.1", "552"), Verdict.SOFT),
    (told("RCP refused, by the recipient's preferences", "5.1.1", "550"), Verdict.SOFT),
    (told("the domain has no MX record: null MX", "4.0.0"), Verdict.SOFT),
    (told("unknown host", "5.4.4"), Verdict.DOMAIN),
    (told("nobody: user unknown", "5.7.1", "550"), Verdict.HARD),
    (told("the mailbox is unavailable", "5.5.0", "550"), Verdict.HARD),
    (met("rcpt", 553, "5.1.8 who are you?"), Verdict.PAUSE_ACCOUNT),
    (told("525 closed for good", "5.7.13", "525"), Verdict.HARD),
    (met("rcpt", 550, "5.7.1 not from you"), Verdict.OURS),
    (told("connection timed out", "5.0.0"), Verdict.SOFT),
    (met("final", 554, "looks like spam to us"), Verdict.OURS),
    (met("final", 550, "5.6.0 ill-formed"), Verdict.OURS),
    (met("rcpt", 550, "5.1.1 nobody of that name"), Verdict.HARD),
    (told("no", "5.1.2"), Verdict.DOMAIN),
    (met("rcpt", 421, "4.3.2 shutting down"), Verdict.AGAIN),
    (met("rcpt", 451, "4.3.0 come back"), Verdict.LATER),
    (met("rcpt", 550, "go away"), Verdict.SOFT),
    (met("final", 552, "go away"), Verdict.SOFT),
    (met("final", 554, "go away"), Verdict.OURS),
    (told("go away", "5.0.0", "554"), Verdict.OURS),
    (told("no", "5.3.0"), Verdict.SOFT),
    (told("", "4.4.1"), Verdict.LATER),
    (told("go away", None, "550"), Verdict.SOFT),
    (told("who knows"), Verdict.UNCLEAR),
]


@pytest.mark.parametrize("row", range(len(RULES)), ids=lambda row: f"{row + 1}: {RULES[row].why}")
def test_each_row_of_the_table_decides_what_it_is_there_for(row):
    refusal, verdict = SAID[row]
    assert judge(refusal) is RULES[row]
    assert RULES[row].verdict is verdict


def test_the_documentation_prints_the_very_table():
    head = "| said at | code | enhanced | with words about | what follows | a report is | why |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for rule in RULES:
        verdict = rule.verdict
        cells = (rule.at, rule.code, rule.enhanced, rule.words, verdict.consequence, verdict.kind.value, rule.why)
        lines.append("| " + " | ".join(cells) + " |")
    assert "\n".join(lines) in DOCS.read_text(encoding="utf-8")


def test_the_consequences_name_the_pauses_that_follow():
    minutes = (RATE_PAUSE // timedelta(minutes=1), ACCOUNT_PAUSE // timedelta(minutes=1))
    shown = [Verdict.PAUSE_RATE.consequence, Verdict.PAUSE_ACCOUNT.consequence]
    assert shown == [
        f"transport pauses {minutes[0]} minutes",
        f"transport pauses {minutes[1]} minutes; the operator is alerted",
    ]


def test_the_documentation_explains_the_words():
    lines = [
        "| words | what they are about |",
        "|---|---|",
        *(f"| {name} | {w.about} |" for name, w in WORDS.items()),
    ]
    assert "\n".join(lines) in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "refusal",
    [
        met("rcpt", 550, "Domain papers.example has exceeded the maximum of 100 emails per hour"),
        met("final", 550, "5.4.6 unusual sending activity from this account"),
        met("final", 550, "5.1.90 you have reached your daily limit of recipients"),
        met("mail", 552, "5.2.3 the daily quota of 250 emails is exceeded"),
        met("final", 554, "Message refused: this email address is not verified"),
        met("final", 554, "5.7.0 no credits"),
        met("data", 451, "your account has been suspended for outbound spam"),
        met("rcpt", 553, "5.7.1 sender address rejected: not owned by user papers"),
        met("final", 550, "free accounts are for trying out; add the address to your authorized recipients"),
        met("rcpt", 451, "4.7.1 too many recipients this hour"),
    ],
    ids=lambda refusal: refusal.text,
)
def test_what_is_said_of_the_account_pauses_the_transport_in_anybodys_words(refusal):
    assert judge(refusal).verdict in (Verdict.PAUSE_ACCOUNT, Verdict.PAUSE_DAY)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        *(
            (told(text, status, code), BounceKind.HARD)
            for status, code, text in (
                ("5.5.0", "550", "Requested action not taken: mailbox unavailable (S20)"),
                ("5.0.0", "554", "delivery error: this user doesn't have a mail.example account"),
                ("5.0.0", "550", "<ada@mail.example>: user unknown"),
                ("5.4.1", "550", "Recipient address rejected: access denied"),
                ("5.1.351", "550", "the other server says the recipient is unknown"),
                ("5.5.0", "550", "Adresse du destinataire invalide"),
                ("5.7.1", "550", "no such recipient here"),
                ("4.1.1", "450", "recipient address rejected: user unknown in local table"),
                (None, None, "The mailbox ada does not exist"),
                (None, None, "Empfänger unbekannt"),
            )
        ),
        *(
            (told(text, status, code), BounceKind.POLICY)
            for status, code, text in (
                ("4.7.0", "421", "[TSS04] put off: unexpected volume or complaints of users"),
                ("5.0.0", "550", "bad SPF record"),
                ("5.1.1", "550", "rejected: 192.0.2.1 is listed by dnsbl.example; user unknown"),
                ("4.7.1", "450", "client host rejected: no reverse DNS"),
                ("4.7.1", None, ""),
                ("5.7.26", "550", "unauthenticated mail is refused under the DMARC policy"),
                ("5.0.0", "550", "we do not accept mail from your network"),
                ("5.0.0", "552", "the message is too large"),
            )
        ),
        *(
            (told(text, status, code), BounceKind.SOFT)
            for status, code, text in (
                ("5.1.1", "552", "over quota"),
                ("5.0.0", "550", "das Postfach ist voll"),
                ("5.2.1", "550", "is receiving mail too quickly"),
                ("5.0.0", None, "tried for five days, connection refused"),
                ("4.2.0", "450", "mailbox unavailable"),
            )
        ),
    ],
    ids=str,
)
def test_a_report_is_classed_by_its_words_before_its_code(refusal, kind):
    assert judge(refusal).verdict.kind is kind


@pytest.mark.parametrize(
    "address", ["user-unknown@mail.example", "quota.exceeded@spam.example", "blocklist@mail.example"]
)
def test_an_address_is_no_word(address):
    assert judge(told(f"<{address}> go away", "5.3.0", "550")).verdict is Verdict.SOFT


def test_codes_between_the_words_of_a_long_reply_do_not_part_them():
    assert judge(told("550-5.7.1 is on a block 550-5.7.1 list of ours", "5.1.1", "550")).verdict is Verdict.OURS


@pytest.mark.parametrize("status", ["5.1.1", "5.1.3", "5.1.6", "5.1.10", "5.2.1"])
def test_a_code_counts_where_words_say_nothing(status):
    assert judge(told("no", status, "550")).verdict is Verdict.HARD


codes = st.none() | st.integers(200, 599)
enhanced_codes = st.none() | st.from_regex(r"[245]\.\d{1,3}\.\d{1,3}", fullmatch=True)


@given(st.sampled_from(Stage), codes, enhanced_codes, st.text(max_size=60))
def test_every_refusal_has_a_verdict_and_only_a_taken_letter_is_sent(stage, code, status, text):
    outcome = Outcome(1, stage, code, status, text)
    assert (judge(Refusal.of(outcome)).verdict is Verdict.SENT) == outcome.accepted
    report = Refusal.reported(None, str(code) if code else None, status, text)
    assert judge(report).verdict is not Verdict.SENT


@pytest.mark.parametrize(
    "refusal",
    [
        met("rcpt", 452, "4.2.2 the mailbox is over quota, try again in 24 hours"),
        met("rcpt", 450, "message put off, try again in an hour"),
        met("rcpt", 550, "the account that you tried to reach is over its message quota"),
        met("rcpt", 550, "quota exceeded; your message will be tried again for 24 hours"),
    ],
    ids=lambda refusal: refusal.text,
)
def test_what_is_said_of_one_mailbox_pauses_nobody(refusal):
    assert judge(refusal).verdict in (Verdict.SOFT, Verdict.LATER)
