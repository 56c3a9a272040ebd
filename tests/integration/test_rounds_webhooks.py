"""Other programs are told what happens to subscribers: signed, at least once, nothing lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from paperround.domain.models import BounceKind, Stage
from paperround.operator.doctor import CheckState, examine
from paperround.rounds import bounce_intake, pipeline, webhooks
from paperround.store.bounces import Bounce
from paperround.store.schema import events
from paperround.subscribers import confirmation, membership
from support.databases import engine_of
from support.papers import listing
from support.site import Site

RAW = b"a key of thirty-two bytes, maybe"
SECRET = "whsec_" + base64.b64encode(RAW).decode()


class Receiver:
    """Another program: it checks every signature for itself, answers as told, and remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.replies: list[tuple[int, dict[str, str]]] = []
        self.cut = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                signed = b".".join(
                    (self.headers["webhook-id"].encode(), self.headers["webhook-timestamp"].encode(), body)
                )
                expected = base64.b64encode(hmac.digest(RAW, signed, hashlib.sha256)).decode()
                assert self.headers["webhook-signature"] == f"v1,{expected}"
                owner.calls.append((self.headers["webhook-id"], json.loads(body)))
                if owner.cut:
                    owner.cut -= 1
                    self.connection.close()
                    return
                status, fields = owner.replies.pop(0) if owner.replies else (204, {})
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_port}/paperround"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def told(self) -> list[tuple[str, str]]:
        """What and about whom, in the order of the calls."""
        return [(body["type"], body["data"]["email"]) for _, body in self.calls]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def site(tmp_path: Path, database_url: str, receiver: Receiver) -> Iterator[Site]:
    made = Site(tmp_path, database_url, webhooks=[{"name": "crm", "url": receiver.url, "secret": SECRET}])
    made.topic("robots")
    yield made
    made.app.close()


def _subscriber(site: Site, email: str = "ada@subscriber.example") -> Any:
    found = site.app.store.subscribers.by_email(email)
    assert found is not None
    return found


def test_a_life_is_told_from_the_first_letter_to_the_last(site: Site, receiver: Receiver) -> None:
    site.subscriber("ada@subscriber.example", "robots")
    webhooks.call_due(site.app)
    membership.pause(site.app, _subscriber(site))
    membership.resume(site.app, _subscriber(site))
    site.subscriber("ada@subscriber.example", "robots", at="08:00")
    membership.unsubscribe(site.app, _subscriber(site))
    membership.unsubscribe(site.app, _subscriber(site))
    webhooks.call_due(site.app)
    assert receiver.told == [("subscribed", "ada@subscriber.example"), ("unsubscribed", "ada@subscriber.example")]
    webhooks.call_due(site.app)
    assert len(receiver.calls) == 2


def test_who_has_not_confirmed_is_no_news(site: Site, receiver: Receiver) -> None:
    confirmation.ask_to_subscribe(site.app, "ada@subscriber.example", {"topics": ("robots",)}, {})
    webhooks.call_due(site.app)
    assert receiver.calls == []
    confirmation.confirm(site.app, _subscriber(site))
    webhooks.call_due(site.app)
    assert receiver.told == [("subscribed", "ada@subscriber.example")]


def test_a_returned_letter_is_told_with_its_kind(site: Site, receiver: Receiver) -> None:
    site.subscriber("ada@subscriber.example", "robots")
    site.papers(listing(1))
    site.clock.now += timedelta(hours=2)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    letter = site.relay.accepted[0].delivery
    bounce_intake.apply_bounce(site.app, Bounce("one", letter, BounceKind.HARD, "5.1.1", "no such user"))
    bounce_intake.apply_bounce(site.app, Bounce("one", letter, BounceKind.HARD, "5.1.1", "no such user"))
    bounce_intake.apply_bounce(site.app, Bounce("two", letter, BounceKind.COMPLAINT, None, "abuse"))
    webhooks.call_due(site.app)
    assert [kind for kind, _ in receiver.told] == ["subscribed", "bounced", "bounced", "unsubscribed"]
    data = receiver.calls[1][1]["data"]
    assert (data["bounce"], data["status"]) == ("hard", "5.1.1")
    assert data["suppressed"]


def test_an_address_refused_while_sending_is_told_too(site: Site, receiver: Receiver) -> None:
    site.subscriber("ada@subscriber.example", "robots")
    site.papers(listing(1))
    site.clock.now += timedelta(hours=2)
    site.relay.replies = [(Stage.RCPT, 550, "5.1.1 no such user")]
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    webhooks.call_due(site.app)
    assert receiver.told[1] == ("bounced", "ada@subscriber.example")


@pytest.mark.parametrize("status", [301, 404, 500])
def test_what_is_not_taken_comes_again_under_the_same_id(site: Site, receiver: Receiver, status: int) -> None:
    receiver.replies = [(status, {"location": "http://127.0.0.1:1/elsewhere"})]
    site.subscriber("ada@subscriber.example", "robots")
    assert webhooks.call_due(site.app) == 0
    assert webhooks.call_due(site.app) == 0
    site.clock.now += timedelta(seconds=6)
    assert webhooks.call_due(site.app) == 1
    first, second = receiver.calls
    assert first == second


def test_a_retry_after_header_is_honored(site: Site, receiver: Receiver) -> None:
    receiver.replies = [(429, {"retry-after": "3600"})]
    site.subscriber("ada@subscriber.example", "robots")
    webhooks.call_due(site.app)
    site.clock.now += timedelta(minutes=59)
    assert webhooks.call_due(site.app) == 0
    site.clock.now += timedelta(minutes=2)
    assert webhooks.call_due(site.app) == 1


def test_doctor_says_where_nothing_listens(tmp_path: Path) -> None:
    hook = {"name": "crm", "url": "http://127.0.0.1:9/", "secret": SECRET}
    made = Site(tmp_path, webhooks=[hook])
    (found,) = [finding for finding in examine(made.app) if finding.check == "webhook crm"]
    assert found.verdict is CheckState.WARNING
    assert "cannot connect to 127.0.0.1:9" in found.what
    made.app.close()


def test_gone_is_gone_and_doctor_says_so(site: Site, receiver: Receiver) -> None:
    receiver.replies = [(410, {})]
    site.subscriber("ada@subscriber.example", "robots")
    webhooks.call_due(site.app)
    site.clock.now += timedelta(days=2)
    assert webhooks.call_due(site.app) == 0
    found = [finding for finding in examine(site.app) if finding.check == "webhook crm"]
    assert [finding.verdict for finding in found] == [CheckState.ERROR]
    assert found[0].what.startswith("1 event could not be delivered")
    assert "HTTP 410" in found[0].what
    site.clock.now += timedelta(days=40)
    pipeline.sweep(site.app)
    assert site.app.store.events.troubles() == []


def test_a_cut_connection_loses_nothing(site: Site, receiver: Receiver) -> None:
    receiver.cut = 1
    site.subscribers(("ada@subscriber.example", "ben@subscriber.example"), "robots")
    webhooks.call_due(site.app)
    site.clock.now += timedelta(minutes=1)
    webhooks.call_due(site.app)
    assert {email for _, email in receiver.told} == {"ada@subscriber.example", "ben@subscriber.example"}
    assert len({name for name, _ in receiver.calls}) == 2


def test_a_program_that_dies_after_the_call_repeats_it_under_the_same_id(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.subscriber("ada@subscriber.example", "robots")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(site.app.store.events, "acknowledge", dies)
        with pytest.raises(KeyboardInterrupt):
            webhooks.call_due(site.app)
    assert webhooks.call_due(site.app) == 0  # the claim holds as long as its program may live
    site.clock.now += timedelta(minutes=10)
    assert webhooks.call_due(site.app) == 1
    assert len({name for name, _ in receiver.calls}) == 1


def test_an_erased_subscriber_is_told_of_and_then_forgotten(site: Site, receiver: Receiver) -> None:
    site.subscriber("ada@subscriber.example", "robots")
    membership.erase(site.app, _subscriber(site))
    webhooks.call_due(site.app)
    assert receiver.told == [("subscribed", "ada@subscriber.example"), ("unsubscribed", "ada@subscriber.example")]
    assert site.app.store.events.claim("crm", site.clock() + timedelta(days=9), 9, "x", timedelta(1)) == []


def test_one_dead_receiver_delays_no_other(tmp_path: Path, database_url: str, receiver: Receiver) -> None:
    hooks = [
        {"name": "dead", "url": "http://127.0.0.1:9/", "secret": SECRET},
        {"name": "picky", "url": receiver.url, "secret": SECRET, "events": ["unsubscribed"]},
        {"name": "alive", "url": receiver.url, "secret": SECRET},
    ]
    site = Site(tmp_path, database_url, webhooks=hooks)
    site.topic("robots")
    site.subscriber("ada@subscriber.example", "robots")
    assert webhooks.call_due(site.app) == 1
    assert receiver.told == [("subscribed", "ada@subscriber.example")]
    site.app.close()


def test_after_an_outage_events_come_in_their_order(site: Site, receiver: Receiver) -> None:
    receiver.replies = [(503, {})]
    site.subscriber("ada@subscriber.example", "robots")
    webhooks.call_due(site.app)
    membership.unsubscribe(site.app, _subscriber(site))
    assert webhooks.call_due(site.app) == 0
    site.clock.now += timedelta(minutes=1)
    assert webhooks.call_due(site.app) == 2
    assert [kind for kind, _ in receiver.told] == ["subscribed", "subscribed", "unsubscribed"]


def test_what_has_failed_keeps_nothing_of_the_subscriber(site: Site, receiver: Receiver) -> None:
    receiver.replies = [(410, {})]
    site.subscriber("ada@subscriber.example", "robots")
    webhooks.call_due(site.app)
    with engine_of(site.app.store).connect() as db:
        left = db.execute(events.select()).one()
    # The identifier is random, and "ada" may be among its hexadecimal digits.
    assert "ada" not in str({**left._mapping, "id": ""})
    assert left.state == "failed"


def test_a_sweep_by_a_program_that_knows_no_webhook_loses_nothing(
    site: Site, receiver: Receiver, tmp_path: Path, database_url: str
) -> None:
    site.subscriber("ada@subscriber.example", "robots")
    other = Site(tmp_path, database_url)
    pipeline.sweep(other.app)
    other.app.close()
    assert webhooks.call_due(site.app) == 1


def test_events_of_a_webhook_that_is_no_longer_configured_are_deleted_after_a_month(
    site: Site, tmp_path: Path, database_url: str
) -> None:
    site.subscriber("ada@subscriber.example", "robots")
    other = Site(tmp_path, database_url)
    site.clock.now += timedelta(days=31)
    other.clock.now = site.clock.now
    webhooks.prune(site.app)
    assert len(site.app.store.events.claim("crm", site.clock(), 9, "one", timedelta())) == 1
    webhooks.prune(other.app)
    assert site.app.store.events.claim("crm", site.clock(), 9, "two", timedelta()) == []
    other.app.close()


def test_a_failed_event_of_a_configured_webhook_is_kept_for_a_month(site: Site) -> None:
    site.subscriber("ada@subscriber.example", "robots")
    store = site.app.store.events
    [event] = store.claim("crm", site.clock(), 9, "one", timedelta())
    store.reschedule(event, "one", "410", None)
    webhooks.prune(site.app)
    assert len(store.troubles()) == 1
    site.clock.now += timedelta(days=31)
    webhooks.prune(site.app)
    assert store.troubles() == []
