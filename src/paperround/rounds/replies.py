"""Replies to letters: apply what subscribers ask for in them, once, and answer with what was understood."""

from __future__ import annotations

from collections.abc import Mapping

from paperround.app import App
from paperround.bounces.replies import LetterReply, ReplyTargets, resolve
from paperround.delivery.message import message_id
from paperround.domain import tokens
from paperround.domain.errors import InvalidTokenError
from paperround.domain.latex import readable
from paperround.domain.models import NOTICE_HOLDS, Delivery, Digest, Paper, Subscriber, SubscriberState
from paperround.process.resources import templates
from paperround.rendering import language as languages
from paperround.rendering.language import Language
from paperround.rendering.letter_facts import in_order
from paperround.rendering.topic_names import topic_of_pick
from paperround.rounds.letters import LetterBuilder
from paperround.store.subscription_requests import NewNotice


def take_reply(app: App, reply: LetterReply) -> tuple[str, str | None, bool]:
    """Apply a reply, and queue the notice that answers it. Reading the same reply again changes nothing.

    Only the signature in the address that it was sent to says whose reply it is; its From can be forged.

    Returns what was understood, the address of the subscriber (None if the signature is wrong or was replaced), and
    whether anything changed.
    """
    delivery, subscriber = _letter_of(app, reply)
    if delivery is None or subscriber is None:
        return "a reply that matches no email of this site", None, False
    if not subscriber.state.is_subscribed:
        return "a reply from somebody who unsubscribed", subscriber.email, False
    if reply.leaves:
        left = app.store.subscribers.set_state(subscriber.row, SubscriberState.UNSUBSCRIBED, app.clock())
        return "asked to unsubscribe", subscriber.email, left
    digest = app.store.issues.digest(delivery.digest or 0)
    papers = app.shared(LetterBuilder).papers(digest)
    targets = _resolved(reply, digest, papers, languages.load(subscriber.language, templates()))
    answer = _answer(app, reply, delivery, targets, papers)
    new = app.store.feedback.take_reply(subscriber.row, targets.verdicts, targets.saved, answer, app.clock())
    if new:
        app.request_round()
    changes = "; ".join(f"{what}: {', '.join(titles)}" for what, titles in _titles(targets, papers).items())
    return f"a reply ({changes or 'nothing understood'})", subscriber.email, new


def _letter_of(app: App, reply: LetterReply) -> tuple[Delivery | None, Subscriber | None]:
    """Return the letter and the subscriber that the signed address of a reply belongs to."""
    try:
        number = tokens.read_verp(app.link_keys, reply.token, purpose=tokens.REPLY)
        row, link_generation = tokens.split_generation(number)
    except InvalidTokenError:
        return None, None
    delivery = app.store.deliveries.by_row(row)
    subscriber = app.store.subscribers.by_row(delivery.subscriber) if delivery and delivery.digest else None
    return (delivery, subscriber) if subscriber and subscriber.link_generation == link_generation else (None, None)


def _resolved(reply: LetterReply, digest: Digest, papers: Mapping[int, Paper], language: Language) -> ReplyTargets:
    """Find the papers that a reply is about, by their numbers and names in the letter; topics have two names."""
    shown = [(section, pick) for section, pick in in_order(digest) if pick.paper in papers]
    tags = {pick.paper: topic_of_pick(section, pick) for section, pick in shown}
    topics = {row: f"{name} / {language.own_words(name)}" for row, name in tags.items()}
    return resolve(reply.requests, [papers[row] for row in topics], topics)


def _answer(
    app: App, reply: LetterReply, delivery: Delivery, targets: ReplyTargets, papers: Mapping[int, Paper]
) -> NewNotice:
    """Return the notice that tells a subscriber what their reply changed.

    Its Message-ID follows from the reply, so that a reply that is read again has the same answer. It repeats titles
    and numbers, never words of the reply.
    """
    site = app.site
    context = {
        **_titles(targets, papers),
        "unknown": targets.unknown,
        "digest": delivery.digest,
        "person": site.reply_to or site.sender,
    }
    what = f"reply {delivery.row} {reply.fingerprint}"
    key = message_id(what, delivery.subscriber, "", app.link_keys[0], site.domain)
    return NewNotice(key, context, app.clock() + NOTICE_HOLDS)


def _titles(targets: ReplyTargets, papers: Mapping[int, Paper]) -> dict[str, list[str]]:
    """Return the titles of the papers by what is asked for them; only for what is asked at all."""
    titles = {
        "more": [row for row, verdict in targets.verdicts.items() if verdict > 0],
        "less": [row for row, verdict in targets.verdicts.items() if verdict < 0],
        "save": targets.saved,
    }
    return {what: [readable(papers[row].title) for row in rows] for what, rows in titles.items() if rows}
