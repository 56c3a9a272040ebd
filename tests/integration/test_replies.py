"""Replies to letters teach: from the Reply-To of a letter on a real relay, through a real mailbox, to the taste."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from paperround.domain import tokens
from paperround.domain.models import SubscriberState, Topic
from paperround.rounds import bounce_intake, pipeline, topics
from paperround.rounds.bounce_intake import ReturnedMail
from paperround.subscribers import membership
from support import dovecot
from support.papers import WORDS, listing
from support.returned import report
from support.site import MORNING, Site
from support.smtp_server import SmtpServer

_EMAIL = "ada@example.org"


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    made = _site(tmp_path, database_url)
    yield made
    made.app.close()


def _site(folder: Path, url: str | None = None, **settings: object) -> Site:
    """A site that reads replies and has sent a letter of six papers."""
    bounces = {"domain": "bounces.example.org", "replies": True, **settings.pop("bounces", {})}
    site = Site(folder, url, bounces=bounces, **settings)
    site.topic("studies", "study")
    site.subscriber(_EMAIL, "studies")
    site.papers(*(listing(number, word) for number, word in enumerate(WORDS, 1)))
    site.clock.now = MORNING + timedelta(hours=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    return site


def _letter(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def _sent(site: Site) -> list[EmailMessage]:
    return [_letter(letter.message) for letter in site.relay.accepted]


def _text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body
    return body.get_content().replace("\r\n", "\n")


def _numbered(letter: EmailMessage) -> dict[int, str]:
    """The title of each paper in the body of a letter, by the number that is printed before it."""
    shown = _text(letter).partition("The one to read")[2]
    return {int(number): title for number, title in re.findall(r"^ ?(\d+)\. (.+)$", shown, re.MULTILINE)}


def _reply(letter: EmailMessage, said: str, number: int = 1, **head: str) -> bytes:
    """What a mail program sends when somebody presses "Reply" and writes above the quoted letter."""
    made = EmailMessage()
    made["From"], made["To"] = "Ada at Home <ada@home.example>", str(letter["Reply-To"])
    made["Subject"], made["Message-ID"] = f"Re: {letter['Subject']}", f"<{number}@home.example>"
    made["In-Reply-To"] = made["References"] = str(letter["Message-ID"])
    for name, value in head.items():
        del made[name.replace("_", "-")]
        made[name.replace("_", "-")] = value
    quoted = "\n".join(f"> {line}" for line in _text(letter).splitlines())
    made.set_content(f"{said}\n\nOn Monday, {letter['From']} wrote:\n{quoted}\n")
    return made.as_bytes()


def _read(site: Site, raw: bytes) -> ReturnedMail:
    [found] = bounce_intake.process_mails(site.app, [("mail", raw)])
    return found


def _verdicts(site: Site) -> dict[str, int]:
    """What the subscriber has said so far, by title."""
    said = site.app.store.feedback.latest(membership.subscriber(site.app, _EMAIL).row, 50)
    return {one.title: one.verdict for one in said}


def test_a_reply_rates_the_papers_with_these_numbers_and_is_answered_once(site: Site) -> None:
    [letter] = _sent(site)
    titles = _numbered(letter)
    assert len(titles) == len(WORDS)
    found = _read(site, _reply(letter, "more 2, less 5"))
    assert (found.email, found.new) == (_EMAIL, True)
    assert _verdicts(site) == {titles[2]: 1, titles[5]: -1}
    again = _read(site, _reply(letter, "more 2, less 5"))
    assert not again.new
    pipeline.deliver(site.app)
    [_, answer] = _sent(site)
    assert answer["To"] == _EMAIL, "not to whoever wrote, whose address can be forged"
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer["Reply-To"] is None, "an answer is never answered"
    assert titles[2] in " ".join(_text(answer).split())
    assert "/f/" in _text(answer)


def test_an_old_reply_that_is_read_again_does_not_undo_a_newer_one(site: Site) -> None:
    [letter] = _sent(site)
    _read(site, _reply(letter, "more 2", 1))
    _read(site, _reply(letter, "less 2", 2))
    _read(site, _reply(letter, "more 2", 1))
    assert list(_verdicts(site).values()) == [-1]


def test_the_numbers_are_those_of_the_html_too(site: Site) -> None:
    [letter] = _sent(site)
    body = letter.get_body(("html",))
    assert body
    html, titles = body.get_content(), _numbered(letter)
    for number, title in titles.items():
        block = html[html.rindex("<h2") if number > 5 else html.index("The one to read") : html.rindex(title)]
        assert re.findall(r">(\d+)</span>", block)[-1] == str(number)
    assert html.count("Reply “more 2”") == _text(letter).count("Reply “more 2”") == 1


def test_a_name_of_the_letter_and_the_reading_list_can_be_asked_for(site: Site) -> None:
    [letter] = _sent(site)
    titles = _numbered(letter)
    _read(site, _reply(letter, "mehr wie A careful study of speech\nsave 3\nweniger studies"))
    assert list(_verdicts(site).values()) == [-1] * len(WORDS), "the last request counts: less of the topic"
    saved = site.app.store.reading_lists.papers(membership.subscriber(site.app, _EMAIL).row)
    assert [paper.title for paper in saved] == [titles[3]]


def test_a_topic_can_be_named_as_in_the_letter_or_as_the_operator_named_it(site: Site) -> None:
    topics.add_topic(site.app, Topic("studies", "Retrieval, memory and context", "study"))
    membership.change(site.app, membership.subscriber(site.app, _EMAIL), {"language": "de"})
    site.clock.now += timedelta(days=1)
    site.papers(listing(20), listing(21))
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    [_, letter] = _sent(site)
    for number, said, verdict in ((1, "weniger Gedächtnis", -1), (2, "more retrieval, memory", 1)):
        _read(site, _reply(letter, said, number))
        assert list(_verdicts(site).values()) == [verdict, verdict]


def test_a_reply_that_is_not_understood_changes_nothing_and_is_told_so(site: Site) -> None:
    [letter] = _sent(site)
    found = _read(site, _reply(letter, "What a lovely letter! I would like more 5-minute papers."))
    assert "nothing understood" in found.text
    pipeline.deliver(site.app)
    assert _verdicts(site) == {}
    told = " ".join(_text(_sent(site)[1]).split())
    assert "nothing has changed" in told
    assert "write to papers@example.org" in told
    assert "lovely" not in told


def test_a_number_that_the_letter_does_not_have_is_told(site: Site) -> None:
    _read(site, _reply(_sent(site)[0], "more 2, less 77"))
    pipeline.deliver(site.app)
    assert list(_verdicts(site).values()) == [1]
    assert "no paper with this number: 77" in _text(_sent(site)[1])


def test_a_forged_reply_changes_nobody_s_taste(site: Site) -> None:
    site.subscriber("eve@example.org", "studies")
    [letter] = _sent(site)
    address = str(letter["Reply-To"]).strip("<>")
    changed = address.replace("reply+a", "reply+b") if "reply+a" in address else f"reply+a{address[7:]}"
    forged = [
        _reply(letter, "less 1", To="papers@example.org", From=_EMAIL),  # all that everybody can know
        _reply(letter, "less 1", To=changed, From=_EMAIL),
        _reply(letter, "less 1", To=site.relay.accepted[0].sender.replace("bounces+", "reply+")),  # for bounces only
    ]
    for raw in forged:
        found = _read(site, raw)
        assert (found.email, found.new) == (None, False)
    assert _verdicts(site) == {}
    pipeline.deliver(site.app)
    assert len(_sent(site)) == 1, "nobody is answered"


def test_replies_to_letters_from_before_new_links_are_void(site: Site) -> None:
    [letter] = _sent(site)
    membership.renew_links(site.app, membership.subscriber(site.app, _EMAIL))
    assert _read(site, _reply(letter, "less 1")).email is None
    assert _verdicts(site) == {}


def test_programs_are_neither_heard_nor_answered(site: Site) -> None:
    [letter] = _sent(site)
    _read(site, _reply(letter, "more 2", Auto_Submitted="auto-replied"))
    _read(site, _reply(letter, "more 2", List_Id="<list.example>"))
    pipeline.deliver(site.app)
    assert _verdicts(site) == {}
    assert len(_sent(site)) == 1


def test_a_loop_of_replies_ends(site: Site) -> None:
    [letter] = _sent(site)
    new = [_read(site, _reply(letter, "more 2", number)).new for number in range(30)]
    assert sum(new) == 10
    pipeline.deliver(site.app)
    assert len(_sent(site)) == 11


def test_the_word_unsubscribe_alone_unsubscribes(site: Site) -> None:
    [letter] = _sent(site)
    assert _read(site, _reply(letter, "Unsubscribe")).new
    assert membership.subscriber(site.app, _EMAIL).state is SubscriberState.UNSUBSCRIBED
    assert not _read(site, _reply(letter, "more 2", 2)).new
    assert _verdicts(site) == {}


def test_bounces_are_read_as_before(site: Site) -> None:
    assert _read(site, report(site.relay.accepted[0].sender)).new
    assert membership.subscriber(site.app, _EMAIL).suppressed


def test_without_the_setting_letters_ask_for_no_replies_and_none_are_read(tmp_path: Path) -> None:
    site = _site(tmp_path, bounces={"replies": False})
    [letter] = _sent(site)
    assert letter["Reply-To"] is None
    assert "Reply “" not in _text(letter)
    delivery = site.app.store.deliveries.by_message_id(str(letter["Message-ID"]))
    assert delivery
    address = tokens.verp(site.app.link_keys, delivery.row, "bounces.example.org", "reply", purpose=tokens.REPLY)
    assert not _read(site, _reply(letter, "more 2", To=address)).new
    assert _verdicts(site) == {}
    site.app.close()


def test_from_a_relay_by_smtp_to_a_mailbox_by_imap(tmp_path: Path) -> None:
    if reason := dovecot.missing():
        pytest.skip(reason)
    with dovecot.running() as server, SmtpServer() as relay:
        account = server.account()
        transport = {"kind": "smtp", "host": "127.0.0.1", "port": relay.port, "tls": "none"}
        site = _site(tmp_path, transport=transport, bounces={"imap": server.settings(account)})
        letter = _letter(relay.received[0].message)
        titles = _numbered(letter)
        account.put(_reply(letter, "+2 -5"))
        account.put(_reply(letter, "+1", 2, Auto_Submitted="auto-replied"))
        account.put(report(relay.received[0].sender, "4.2.2"))
        found = bounce_intake.read_mailbox(site.app)
        assert [one.new for one in found] == [True, False, True]
        assert account.flags() == ["S", "S", "S"]
        assert _verdicts(site) == {titles[2]: 1, titles[5]: -1}
        pipeline.deliver(site.app)
        answer = _letter(relay.received[-1].message)
        assert titles[2] in " ".join(_text(answer).split())
        site.app.close()
