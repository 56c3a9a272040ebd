"""The SMTP transport against a server that misbehaves."""

import pickle
import socket
import ssl
import threading
import time
from collections import Counter

import pytest
import trustme

from paperround.delivery import SmtpTransport, connection_budget, connection_pool, smtp_session
from paperround.delivery.connection_pool import ConnectionPool
from paperround.delivery.smtp_session import WINDOW
from paperround.domain.errors import TransportError
from paperround.domain.models import Letter, Stage
from support.smtp_server import (
    CHUNKING,
    EXTENSIONS,
    Cut,
    Reply,
    SmtpServer,
    Tarpit,
    always,
    connection_limit,
    cuts,
    ends_after,
    share,
    slow,
    to,
)

PLAIN = tuple(name for name in EXTENSIONS if name != "PIPELINING")
both_ways = pytest.mark.parametrize(
    "extensions", [EXTENSIONS, PLAIN, CHUNKING], ids=["pipelined", "one by one", "whole"]
)
with_dots = pytest.mark.parametrize("extensions", [EXTENSIONS, PLAIN], ids=["pipelined", "one by one"])


def letter(number, body="", recipient=""):
    text = f"From: <papers@papers.example>\r\nMessage-ID: <{number}@papers.example>\r\n\r\n{body or number}\r\n"
    subscriber = recipient or f"subscriber{number}@mail.example"
    return Letter(number, f"bounces+{number}@papers.example", subscriber, text.encode())


def transport_to(server, **settings):
    usual = {"host": "127.0.0.1", "port": server.port, "tls": "none", "helo": "papers.example", "chunking": True}
    return SmtpTransport(**(usual | settings))


class Record:
    """Outcomes as they are reported, and how many letters were under way at a time."""

    def __init__(self):
        self.outcomes = []
        self.drawn = 0
        self.most_under_way = 0
        self._lock = threading.Lock()

    def letters(self, letters):
        for each in letters:
            with self._lock:
                self.drawn += 1
                self.most_under_way = max(self.most_under_way, self.drawn - len(self.outcomes))
            yield each

    def __call__(self, outcomes):
        with self._lock:
            self.outcomes += outcomes

    def by_delivery(self):
        found = {outcome.delivery: outcome for outcome in self.outcomes}
        assert len(found) == len(self.outcomes), "an outcome was reported twice"
        return found


def send(transport, letters):
    record = Record()
    transport.send(record.letters(letters), record)
    assert len(record.outcomes) == record.drawn
    return record


# What goes well


@both_ways
@pytest.mark.parametrize("connections", [1, 8])
def test_every_letter_arrives_once_and_byte_for_byte(extensions, connections):
    letters = [letter(number, "x" * 50_000) for number in range(200)]
    with SmtpServer(extensions=extensions) as server:
        record = send(transport_to(server, connections=connections), letters)
    assert all(outcome.accepted for outcome in record.outcomes)
    assert {r.recipient: r.message for r in server.received} == {x.recipient: x.message for x in letters}
    assert {r.sender for r in server.received} == {x.sender for x in letters}
    assert len(server.received) == 200
    assert 1 <= server.peak <= connections
    assert record.most_under_way <= 100  # what may be in doubt


@both_ways
@pytest.mark.parametrize("body", [".", "..", ".\r\n.\r\n..\r\nend", "\r\n.", "no line end", ""])
def test_dots_and_line_ends_arrive_as_they_were(extensions, body):
    message = f"Subject: dots\r\n\r\n{body}\r\n".encode()
    letters = [Letter(1, "a@papers.example", "ada@mail.example", message), letter(2)]
    with SmtpServer(extensions=extensions) as server:
        send(transport_to(server, connections=1), letters)
    assert [r.message for r in server.received] == [x.message for x in letters]


def test_a_letter_whose_first_line_is_a_dot_or_whose_last_has_no_end_arrives_whole():
    letters = [Letter(n, "a@papers.example", "b@mail.example", octets) for n, octets in enumerate([b".a\r\n", b"a"])]
    with SmtpServer() as server:
        send(transport_to(server), letters)
    assert sorted(r.message for r in server.received) == [b".a\r\n", b"a\r\n"]


def test_the_outcome_carries_what_the_relay_said():
    with SmtpServer() as server:
        (outcome,) = send(transport_to(server), [letter(5)]).outcomes
    assert (outcome.stage, outcome.code, outcome.enhanced) == (Stage.FINAL, 250, "2.0.0")
    assert outcome.text == "2.0.0 Ok: 1 for subscriber5@mail.example"
    assert outcome.connection == f"127.0.0.1:{server.port}#1"


def test_the_size_is_told_where_the_relay_wants_it():
    with SmtpServer() as server:
        send(transport_to(server), [letter(1)])
    assert server.received[0].options == f"SIZE={len(letter(1).message)}"
    with SmtpServer(extensions=()) as server:
        send(transport_to(server), [letter(1)])
    assert server.received[0].options == ""


# What is refused


@both_ways
@pytest.mark.parametrize("lax_data", [False, True], ids=["strict", "lax"])
def test_a_refused_recipient_is_one_outcome_and_the_next_letter_goes_over_the_same_connection(extensions, lax_data):
    refused = {f"subscriber{number}@mail.example" for number in range(0, 100, 3)}
    with SmtpServer(
        to(refused, "rcpt", "550 5.1.1 nobody of that name"), extensions=extensions, lax_data=lax_data
    ) as server:
        record = send(transport_to(server, connections=2), map(letter, range(100)))
    for number, outcome in record.by_delivery().items():
        expected = (Stage.RCPT, 550, "5.1.1") if number % 3 == 0 else (Stage.FINAL, 250, "2.0.0")
        assert (outcome.stage, outcome.code, outcome.enhanced) == expected
    assert server.connections <= 2
    assert len(server.received) == 66
    assert all(r.message.startswith(b"From:") for r in server.received)


@with_dots
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.FINAL])
@pytest.mark.parametrize("reply", ["451 4.3.0 not now", "554 5.6.0 not ever"])
def test_a_share_of_refusals_at_any_command_is_told_as_it_was_said(extensions, stage, reply):
    with SmtpServer(share(stage.value, reply, 0.3), extensions=extensions, seed=4) as server:
        record = send(transport_to(server, connections=3), map(letter, range(100)))
    refused = [outcome for outcome in record.outcomes if not outcome.accepted]
    assert {(o.stage, o.code, o.enhanced, o.text) for o in refused} == {
        (stage, int(reply[:3]), reply[4:9], reply[4:])
    }
    assert 10 < len(refused) < 60
    assert server.recipients() == Counter(
        f"subscriber{o.delivery}@mail.example" for o in record.outcomes if o.accepted
    )
    assert server.connections <= 3


def test_what_a_relay_answers_out_of_order_is_not_taken_for_success():
    with SmtpServer(always("data", "250 2.0.0 as good as delivered")) as server:
        (outcome,) = send(transport_to(server), [letter(1)]).outcomes
    assert (outcome.stage, outcome.code, outcome.accepted) == (Stage.DATA, 250, False)
    assert server.received == []


# Connections that end


@with_dots
def test_a_relay_that_hangs_up_silently_after_some_letters_loses_none_and_fails_none(extensions):
    with SmtpServer(ends_after(7), extensions=extensions) as server:
        record = send(transport_to(server, connections=3), map(letter, range(100)))
    assert all(outcome.accepted for outcome in record.outcomes)
    assert set(server.recipients().values()) == {1}
    assert len(server.received) == 100
    assert server.connections >= 15


@with_dots
def test_a_421_ends_the_connection_and_concerns_one_letter_only(extensions):
    with SmtpServer(ends_after(10, "421 4.7.0 enough on this line"), extensions=extensions) as server:
        record = send(transport_to(server, connections=4), map(letter, range(60)))
    ended = [outcome for outcome in record.outcomes if not outcome.accepted]
    assert {(o.stage, o.code) for o in ended} == {(Stage.MAIL, 421)}
    assert len(ended) <= server.connections
    assert len(server.received) == 60 - len(ended)
    assert set(server.recipients().values()) == {1}


@with_dots
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_a_letter_goes_again_at_once_over_a_fresh_connection_when_its_dot_had_not_left(extensions, stage):
    with SmtpServer(cuts(stage, 0.1), extensions=extensions, seed=1) as server:
        record = send(transport_to(server, connections=2), map(letter, range(100)))
    lost = [outcome for outcome in record.outcomes if not outcome.accepted]
    assert len(lost) <= 10  # a hundredth by chance, each after two connections
    assert {(o.stage in {Stage.MAIL, Stage.RCPT, Stage.DATA}, o.code) for o in lost} <= {(True, None)}
    assert server.connections > 5
    assert server.recipients() == Counter(
        f"subscriber{o.delivery}@mail.example" for o in record.outcomes if o.accepted
    )


@pytest.mark.parametrize("stored", [False, True], ids=["not stored", "stored"])
def test_after_the_dot_a_lost_reply_is_told_and_nothing_is_sent_twice(stored):
    with SmtpServer(cuts("final", 0.2, after_storing=stored), seed=2) as server:
        record = send(transport_to(server, connections=2), map(letter, range(100)))
    lost = [outcome for outcome in record.outcomes if not outcome.accepted]
    assert {(o.stage, o.code) for o in lost} == {(Stage.FINAL, None)}
    assert 5 < len(lost) < 40
    assert set(server.recipients().values()) == {1}
    assert len(server.received) == (100 if stored else 100 - len(lost))


def test_a_relay_that_ends_every_connection_stops_the_sending_with_the_letters_kept():
    with SmtpServer(cuts("data", 1.0)) as server:
        record = Record()
        with pytest.raises(TransportError, match="end early"):
            transport_to(server, connections=2).send(record.letters(map(letter, range(500))), record)
    assert len(record.outcomes) == record.drawn < 20
    assert {(o.accepted, o.code) for o in record.outcomes} == {(False, None)}


def test_a_relay_that_says_421_to_everything_stops_the_sending_too(monkeypatch):
    monkeypatch.setattr(connection_budget, "_COOLDOWN_SECONDS", 0.01)
    record = Record()
    with (
        SmtpServer(always("mail", "421 4.3.2 not today")) as server,
        pytest.raises(TransportError, match="not today"),
    ):
        transport_to(server, connections=2).send(record.letters(map(letter, range(500))), record)
    assert len(record.outcomes) == record.drawn < 20
    assert {(o.stage, o.code) for o in record.outcomes} == {(Stage.MAIL, 421)}


# Letters drawn ahead


def drawn_before(server, number, received):
    """Letters that note how many the server has stored when they are drawn."""
    for each in range(number):
        received.append(len(server.received))
        yield letter(each)


@pytest.mark.parametrize(("prompt", "drawn"), [(10, [0, 1, 1, 2, 3]), (0.01, [0, 1, 2, 3, 4])], ids=["yes", "no"])
def test_a_letter_is_drawn_ahead_for_each_connection_if_the_relay_answers_soon(monkeypatch, prompt, drawn):
    monkeypatch.setattr(smtp_session, "_PROMPT", prompt)
    received = []
    with SmtpServer(slow("final", 0.3), extensions=PLAIN) as server:
        record = send(transport_to(server, connections=1), drawn_before(server, 5, received))
    assert record.by_delivery().keys() == set(range(5))
    assert received == drawn


def test_a_letter_drawn_ahead_waits_for_a_new_connection_when_its_own_ends(monkeypatch):
    monkeypatch.setattr(smtp_session, "_PROMPT", 10)
    received = []
    with SmtpServer(slow("final", 0.1), ends_after(2), extensions=PLAIN) as server:
        record = send(transport_to(server, connections=1), drawn_before(server, 8, received))
    assert all(outcome.accepted for outcome in record.by_delivery().values())
    assert set(server.recipients().values()) == {1}
    assert received[2] == 1
    assert server.connections >= 4


# Letters sent whole


def test_several_letters_are_under_way_on_a_connection_that_takes_them_whole():
    with SmtpServer(slow("final", 0.002), extensions=CHUNKING) as server:
        whole = send(transport_to(server, connections=1), [letter(number) for number in range(60)])
        data = send(transport_to(server, connections=1, chunking=False, max_in_doubt=1), [letter(60)])
    assert all(outcome.accepted for outcome in (*whole.outcomes, *data.outcomes))
    assert whole.most_under_way > WINDOW
    assert {said.stage for said in server.said if said.recipient == "subscriber60@mail.example"} >= {"data", "final"}
    assert {said.stage for said in server.said if said.recipient == "subscriber9@mail.example"} == {"rcpt", "final"}


def test_refused_letters_among_several_under_way_spoil_no_other():
    refused = [f"subscriber{number}@mail.example" for number in range(0, 60, 7)]
    faults = (
        to(refused[::3], "rcpt", "550 5.1.1 no such user"),
        to(refused[1::3], "final", "554 5.6.0 not this"),
        to([f"bounces+{number}@papers.example" for number in range(14, 60, 21)], "mail", "451 4.3.0 not now"),
    )
    with SmtpServer(*faults, extensions=CHUNKING) as server:
        found = send(transport_to(server, connections=1), [letter(number) for number in range(60)]).by_delivery()
    stages = {number: outcome.stage for number, outcome in found.items() if not outcome.accepted}
    assert stages == {number: (Stage.RCPT, Stage.FINAL, Stage.MAIL)[number // 7 % 3] for number in range(0, 60, 7)}
    assert server.connections == 1
    assert server.recipients() == Counter(f"subscriber{n}@mail.example" for n in range(60) if n % 7)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "final"])
def test_a_421_among_several_letters_under_way_concerns_one_and_the_others_go_again(stage):
    once = to(["subscriber20@mail.example", "bounces+20@papers.example"], stage, "421 4.3.2 closing down")
    with SmtpServer(once, extensions=CHUNKING) as server:
        found = send(transport_to(server, connections=1), [letter(number) for number in range(60)]).by_delivery()
    assert {number: outcome.code for number, outcome in found.items() if not outcome.accepted} == {20: 421}
    assert server.recipients() == Counter(f"subscriber{number}@mail.example" for number in range(60) if number != 20)


@pytest.mark.parametrize(
    ("stage", "stored"), [("data", False), ("final", False), ("final", True)], ids=["in a chunk", "lost", "stored"]
)
def test_letters_under_way_on_a_lost_connection_are_in_doubt_and_sent_by_nobody_twice(stage, stored):
    lost = 25
    cut = Cut(after_storing=stored)

    def fault(moment):
        return cut if moment.stage == stage and moment.recipient == f"subscriber{lost}@mail.example" else None

    with SmtpServer(fault, extensions=CHUNKING) as server:
        found = send(transport_to(server, connections=1), [letter(number) for number in range(60)]).by_delivery()
    doubtful = {number for number, outcome in found.items() if outcome.code is None}
    arrived = server.recipients()
    assert lost in doubtful
    assert len(doubtful) <= WINDOW
    assert all(outcome.accepted for number, outcome in found.items() if number not in doubtful)
    assert all(arrived[f"subscriber{number}@mail.example"] == 1 for number in found.keys() - doubtful)
    assert max(arrived.values()) == 1
    assert arrived[f"subscriber{lost}@mail.example"] == stored


def test_a_relay_that_loses_letters_under_way_gets_one_at_a_time():
    with SmtpServer(cuts("final", 0.1), extensions=CHUNKING, seed=2) as server:
        record = send(transport_to(server, connections=2), map(letter, range(200)))
    doubtful = [outcome for outcome in record.outcomes if outcome.code is None]
    assert server.connections > 10
    assert len(doubtful) < 2 * WINDOW + server.connections
    assert set(server.recipients().values()) == {1}


def test_a_connection_is_renewed_after_the_letters_it_may_carry():
    with SmtpServer() as server:
        send(transport_to(server, connections=2, max_per_connection=10), map(letter, range(95)))
    carried = Counter(r.connection for r in server.received)
    assert max(carried.values()) == 10
    assert sum(carried.values()) == 95


def test_where_only_a_few_connections_are_allowed_fewer_are_used_and_nothing_fails():
    with SmtpServer(connection_limit(2), slow("final", 0.005)) as server:
        record = send(transport_to(server, connections=8), map(letter, range(150)))
    assert all(outcome.accepted for outcome in record.outcomes)
    assert len(server.received) == 150
    assert server.peak == 2
    assert server.connections < 20  # it does not keep knocking


def test_nonsense_instead_of_a_reply_ends_the_connection_and_no_more():
    def babble(moment):
        return Reply("moo") if moment.stage == "rcpt" and moment.tries == 0 else None

    with SmtpServer(babble) as server:
        record = send(transport_to(server, connections=1), map(letter, range(5)))
    assert all(outcome.accepted for outcome in record.outcomes)


# Time


def test_a_command_that_takes_too_long_is_given_up_and_the_letter_kept():
    with SmtpServer(slow("rcpt", 5)) as server:
        (outcome,) = send(transport_to(server, timeout=0.2), [letter(1)]).outcomes
    assert (outcome.stage, outcome.code) == (Stage.RCPT, None)
    assert "timed out" in outcome.text
    assert server.received == []


def test_the_reply_to_the_dot_has_more_time_than_the_others():
    with SmtpServer(slow("final", 0.6)) as server:
        (outcome,) = send(transport_to(server, timeout=0.3, final_timeout=5), [letter(1)]).outcomes
        assert outcome.accepted
        (outcome,) = send(transport_to(server, timeout=0.3, final_timeout=0.3), [letter(2)]).outcomes
        assert (outcome.stage, outcome.code) == (Stage.FINAL, None)


def test_letters_leave_at_a_steady_pace_over_all_connections_and_from_batch_to_batch():
    with SmtpServer() as server:
        transport = transport_to(server, connections=4, per_second=50)
        for batch in range(3):
            send(transport, (letter(number) for number in range(batch * 10, batch * 10 + 10)))
    moments = sorted(r.at for r in server.received)
    assert 0.5 < moments[-1] - moments[0] < 3
    # No tenth of a second holds more than its share and a straggler or two.
    assert all(sum(at <= m < at + 0.1 for m in moments) <= 8 for at in moments)


@pytest.mark.timeout(60)
def test_a_turn_that_comes_before_the_waiting_begins_is_not_missed(monkeypatch):
    patience = ConnectionPool._poll_timeout

    def late(pool: ConnectionPool) -> float | None:
        time.sleep(0.25)  # the machine is busy with something else
        return patience(pool)

    monkeypatch.setattr(ConnectionPool, "_poll_timeout", late)
    with SmtpServer() as server:
        send(transport_to(server, connections=2, per_second=5), map(letter, range(4)))
    assert len(server.received) == 4


# Relays that cannot be reached


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def test_a_relay_that_is_away_leaves_the_letters_undrawn_but_one():
    record = Record()
    transport = SmtpTransport(host="127.0.0.1", port=free_port(), tls="none", helo="papers.example")
    with pytest.raises(TransportError, match=r"127\.0\.0\.1:\d+: .*refused"):
        transport.send(record.letters(map(letter, range(50))), record)
    assert [(o.delivery, o.stage, o.code) for o in record.outcomes] == [(0, Stage.CONNECT, None)]
    assert record.drawn == 1


def test_an_outage_in_the_middle_keeps_every_letter_and_the_next_sending_goes_on():
    record = Record()
    with SmtpServer() as server:

        def letters():
            for number in range(100):
                if number == 40:
                    server.down()
                yield letter(number)

        transport = transport_to(server, connections=3)
        with pytest.raises(TransportError):
            transport.send(record.letters(letters()), record)
        taken = {o.delivery for o in record.outcomes if o.accepted}
        assert len(record.outcomes) == record.drawn < 60
        assert {(o.code, o.stage is Stage.FINAL) for o in record.outcomes if not o.accepted} <= {
            (None, False),
            (None, True),
        }
        server.up()
        send(transport, (letter(number) for number in range(100) if number not in taken))
    assert set(server.recipients()) == {f"subscriber{number}@mail.example" for number in range(100)}


def test_the_next_relay_takes_over_when_the_first_is_away():
    with SmtpServer() as server:
        second = {"host": "127.0.0.1", "port": server.port, "tls": "none", "helo": "papers.example"}
        transport = SmtpTransport(host="127.0.0.1", port=free_port(), tls="none", relays=[second])
        record = send(transport, map(letter, range(30)))
    assert all(outcome.accepted for outcome in record.outcomes)
    assert len(server.received) == 30


@pytest.mark.parametrize(
    ("reply", "stage", "code"),
    [("554 5.7.1 not from there", Stage.CONNECT, 554), ("421 4.3.2 closed for today", Stage.CONNECT, 421)],
)
def test_a_relay_that_turns_the_first_connection_away_is_not_usable(reply, stage, code):
    record = Record()
    with SmtpServer(always("connect", reply)) as server, pytest.raises(TransportError, match=reply[4:]):
        transport_to(server).send(record.letters(map(letter, range(9))), record)
    assert [(o.stage, o.code, o.enhanced) for o in record.outcomes] == [(stage, code, reply[4:9])]


# Encryption and login


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def certificate(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return {"host": "localhost", "ca_file": tmp_path / "ca.pem", "tls": "starttls"}


LOGIN = {"username": "papers", "password": "correct horse"}


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_letters_and_password_go_encrypted(certificate, trusted, tls):
    with SmtpServer(tls=certificate, implicit_tls=tls == "tls", login=("papers", "correct horse")) as server:
        record = send(transport_to(server, **(trusted | LOGIN | {"tls": tls})), map(letter, range(50)))
    assert all(outcome.accepted for outcome in record.outcomes)
    assert all(r.encrypted for r in server.received)


def nothing_was_sent(server, record, stage):
    assert server.received == []
    assert not [said for said in server.said if said.stage in {"auth", "mail"}]
    assert [outcome.stage for outcome in record.outcomes] == [stage]


def test_without_starttls_nothing_is_sent_at_all(trusted):
    record = Record()
    with SmtpServer() as server, pytest.raises(TransportError, match="offers no STARTTLS"):
        transport_to(server, **(trusted | LOGIN)).send(record.letters([letter(1)]), record)
    nothing_was_sent(server, record, Stage.TLS)


def test_where_starttls_is_refused_nothing_is_sent_at_all(certificate, trusted):
    record = Record()
    refusal = always("starttls", "454 4.7.0 not today")
    with SmtpServer(refusal, tls=certificate) as server, pytest.raises(TransportError, match="not today"):
        transport_to(server, **(trusted | LOGIN)).send(record.letters([letter(1)]), record)
    nothing_was_sent(server, record, Stage.TLS)
    assert record.outcomes[0].code == 454


def test_where_the_line_is_cut_at_starttls_nothing_is_sent_at_all(certificate, trusted):
    record = Record()
    with (
        SmtpServer(lambda m: Cut() if m.stage == "starttls" else None, tls=certificate) as server,
        pytest.raises(TransportError),
    ):
        transport_to(server, **(trusted | LOGIN)).send(record.letters([letter(1)]), record)
    nothing_was_sent(server, record, Stage.CONNECT)


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"ca_file": None}, "certificate is not valid"), ({"host": "127.0.0.1"}, "certificate is not valid")],
    ids=["unknown issuer", "another name"],
)
@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_an_invalid_certificate_ends_the_connection_before_anything_is_sent(certificate, trusted, changed, told, tls):
    record = Record()
    with SmtpServer(tls=certificate, implicit_tls=tls == "tls") as server:
        transport = transport_to(server, **(trusted | LOGIN | changed | {"tls": tls}))
        with pytest.raises(TransportError, match=told):
            transport.send(record.letters([letter(1)]), record)
    nothing_was_sent(server, record, Stage.TLS)


def test_a_wrong_password_is_told_without_showing_it(certificate, trusted):
    record = Record()
    with (
        SmtpServer(tls=certificate, login=("papers", "another")) as server,
        pytest.raises(TransportError) as caught,
    ):
        transport_to(server, **(trusted | LOGIN)).send(record.letters([letter(1)]), record)
    (outcome,) = record.outcomes
    assert (outcome.stage, outcome.code, outcome.enhanced) == (Stage.AUTH, 535, "5.7.8")
    assert "correct horse" not in str(caught.value) + repr(outcome)


def test_a_relay_without_login_is_not_used_when_one_is_configured(certificate, trusted):
    record = Record()
    with SmtpServer(tls=certificate) as server, pytest.raises(TransportError, match="AUTH"):
        transport_to(server, **(trusted | LOGIN)).send(record.letters([letter(1)]), record)
    assert [outcome.stage for outcome in record.outcomes] == [Stage.AUTH]


# Addresses beyond ASCII


def test_a_subscriber_beyond_ascii_needs_smtputf8_and_fails_alone_without_it():
    subscribers = ["ada@mail.example", "дана@mail.example", "bob@bücher.example"]
    letters = [letter(number, recipient=subscriber) for number, subscriber in enumerate(subscribers)]
    with SmtpServer() as server:
        record = send(transport_to(server, connections=1), letters)
    assert [(r.recipient, "SMTPUTF8" in r.options) for r in server.received] == [
        ("ada@mail.example", False),
        ("дана@mail.example", True),
        ("bob@xn--bcher-kva.example", False),
    ]
    with SmtpServer(extensions=("PIPELINING",)) as server:
        record = send(transport_to(server, connections=1), letters)
    assert [(o.stage, o.code, o.enhanced) for o in record.outcomes] == [
        (Stage.FINAL, 250, "2.0.0"),
        (Stage.LOCAL, 553, "5.6.7"),
        (Stage.FINAL, 250, "2.0.0"),
    ]


def test_an_invalid_address_fails_alone_and_is_not_shown_to_the_relay():
    evil = Letter(1, "bounces@papers.example", "ada@mail.example>\r\nRCPT TO:<eve@mail.example", b"x\r\n")
    lost = Letter(2, "", "ada@mail.example", b"x\r\n")
    with SmtpServer() as server:
        record = send(transport_to(server, connections=1), [evil, lost, letter(3)])
    assert [(o.delivery, o.stage, o.code, o.enhanced) for o in record.outcomes] == [
        (1, Stage.LOCAL, 553, "5.1.3"),
        (2, Stage.LOCAL, 553, "5.1.7"),
        (3, Stage.FINAL, 250, "2.0.0"),
    ]
    assert list(server.recipients()) == ["subscriber3@mail.example"]


# Errors of the caller


@pytest.mark.parametrize("connections", [1, 6])
def test_when_recording_fails_letters_under_way_are_finished_and_no_more_are_drawn(connections):
    drawn = []

    def letters():
        for number in range(500):
            drawn.append(number)
            yield letter(number)

    def report(outcomes):
        if len(drawn) > 50:
            raise OSError("the ledger's disk is full")

    with SmtpServer() as server, pytest.raises(OSError, match="ledger"):
        transport_to(server, connections=connections, max_in_doubt=20).send(letters(), report)
    assert len(drawn) <= 51 + 20
    assert len(server.received) == len(drawn)


def test_interrupting_waits_for_the_letters_under_way():
    record = Record()

    def letters():
        yield from map(letter, range(10))
        raise KeyboardInterrupt

    with SmtpServer(slow("final", 0.05)) as server, pytest.raises(KeyboardInterrupt):
        transport_to(server, connections=2).send(record.letters(letters()), record)
    assert len(record.outcomes) == record.drawn == len(server.received) == 10


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "final"])
def test_a_program_that_stops_waits_only_some_seconds_for_a_relay_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setattr(connection_pool, "_STOP_SECONDS", 0.2)
    stopping = threading.Event()
    with Tarpit(stage) as tarpit:
        transport = transport_to(tarpit, connections=1)
        transport.stop_when(stopping.is_set)
        tarpit.when_reached = stopping.set
        record = send(transport, map(letter, range(5)))
    assert {outcome.code for outcome in record.outcomes} == {None}
    in_doubt = [outcome.delivery for outcome in record.outcomes if outcome.stage is Stage.FINAL]
    assert len(in_doubt) == (1 if stage == "final" else 0), "only a letter that the relay has whole may have arrived"
    others = [outcome for outcome in record.outcomes if outcome.stage is not Stage.FINAL]
    assert {(outcome.stage, outcome.text) for outcome in others} <= {
        (Stage.CONNECT, "not attempted: sending stopped")
    }


@pytest.mark.parametrize("stage", ["greeting", "ehlo"])
def test_a_program_that_stops_does_not_wait_for_a_connection(stage: str) -> None:
    stopping = threading.Event()
    with Tarpit(stage) as tarpit:
        transport = transport_to(tarpit)
        transport.stop_when(stopping.is_set)
        tarpit.when_reached = stopping.set
        (outcome,) = send(transport, [letter(1)]).outcomes
    assert (outcome.stage, outcome.text) == (Stage.CONNECT, "not attempted: sending stopped")


@pytest.mark.parametrize("stage", ["greeting", "ehlo"])
def test_a_reply_that_comes_byte_by_byte_has_no_more_time_than_any_other(stage: str) -> None:
    record = Record()
    with Tarpit(stage) as tarpit:
        transport = transport_to(tarpit, connect_timeout=0.5, timeout=0.5)
        with pytest.raises(TransportError, match="timed out"):
            transport.send(record.letters([letter(1)]), record)
    assert [outcome.stage for outcome in record.outcomes] == [Stage.CONNECT]


def test_a_transport_is_handed_to_another_process_without_its_signal() -> None:
    transport = SmtpTransport(host="relay.example")
    transport.stop_when(threading.Event().is_set)
    assert pickle.loads(pickle.dumps(transport)).model_dump() == transport.model_dump()


def test_a_lease_must_outlast_all_that_one_letter_may_wait_for():
    one = SmtpTransport(host="relay.example", connect_timeout=1, timeout=2, final_timeout=10, chunking=False)
    assert one.patience.total_seconds() == 2 * (1 + 8 * 2) + 10
    several = one.model_copy(update={"chunking": True})
    assert several.patience.total_seconds() == 2 * (1 + 8 * 2) + 10 * WINDOW
