"""What people reply to a letter: only their own words count, whole requests, and nothing that a program wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.bounces.replies import RequestKind, TasteRequest, own_lines, parse_reply, read_requests, resolve
from paperround.domain.models import Paper
from support.examples import examples

MORE, LESS, SAVE = RequestKind
TOKEN = "abcdefgh" * 4 + "ij"


def mail(text: str, html: str = "", to: str = f"reply+{TOKEN}@bounces.example.org", **head: str) -> bytes:
    """A reply as a mail program writes it; `_` in a field's name stands for a hyphen."""
    made = EmailMessage()
    made["From"], made["To"], made["Message-ID"] = "Ada <ada@example.org>", to, "<1@mail.example>"
    for name, value in head.items():
        field = name.replace("_", "-")
        del made[field]
        made[field] = value
    if text:
        made.set_content(text)
        if html:
            made.add_alternative(html, subtype="html")
    else:
        made.set_content(html, subtype="html")
    return made.as_bytes()


def asked(raw: bytes) -> list[tuple[str, int | str]]:
    """What a mail asks for, each as kind and number or name."""
    reply = parse_reply(raw)
    assert reply
    return [(one.kind.value, one.number or one.name) for one in reply.requests]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("more 2, less 5", [(MORE, 2), (LESS, 5)]),
        ("More 2 and 3, less 5.", [(MORE, 2), (MORE, 3), (LESS, 5)]),
        ("+2 -5", [(MORE, 2), (LESS, 5)]),
        ("+2, 3; \u22125", [(MORE, 2), (MORE, 3), (LESS, 5)]),
        ("–5", [(LESS, 5)]),
        ("more like 3", [(MORE, 3)]),
        ("Please more like no. 3, thanks!", [(MORE, 3)]),
        ("fewer papers like #12", [(LESS, 12)]),
        ("mehr 2, weniger 5", [(MORE, 2), (LESS, 5)]),
        ("Bitte mehr wie Nr. 2 und weniger von 5. Danke!", [(MORE, 2), (LESS, 5)]),
        ("save 4", [(SAVE, 4)]),
        ("4 merken", None),
        ("merken 4", [(SAVE, 4)]),
        ("- more 2", [(MORE, 2)]),
        ("more 2,5", [(MORE, 2), (MORE, 5)]),
        ("More: 2, 5; less:3", [(MORE, 2), (MORE, 5), (LESS, 3)]),
        ("more at 7:30", None),
        ("more: 7:30", None),
        ("more 2.5", None),
        ("more 2-5", None),
        ("2-5", None),
        ("2", None),
        ("more 0", None),
        ("more 1000", None),
        ("more", None),
        ("more less 5", None),
        ("more 2 less", None),
        ("no more 5", None),
        ("nicht mehr 2", None),
        ("I would like more 5-minute papers", None),
        ("less than 2", None),
        ("There are 2 more", None),
    ],
)
def test_a_line_is_read_as_a_whole_or_not_at_all(line: str, wanted: list[tuple[RequestKind, int]] | None) -> None:
    numbered = [(one.kind, one.number) for one in read_requests(line) if one.number]
    assert numbered == (wanted or [])


@pytest.mark.parametrize(
    "line", ["fewer papers", "more papers", "weniger Paper", "less 3 papers", "more 10 papers please"]
)
def test_a_wish_for_fewer_papers_is_about_none_of_them(line: str) -> None:
    assert not read_requests(line)


@pytest.mark.parametrize("line", ["more papers 2, 3", "more paper 2 and 3", "mehr: Paper 2, 3", "more like 2, 3"])
def test_numbers_behind_the_word_are_those_of_papers(line: str) -> None:
    assert [one.number for one in read_requests(line)] == [2, 3]


@pytest.mark.parametrize(
    ("line", "kind", "name"),
    [
        ("more EvoArena", MORE, "evoarena"),
        ("less robotics", LESS, "robotics"),
        ("weniger von „Song Han“", LESS, "song han"),
        ("More papers like “From 2D Grids to 1D Tokens”!", MORE, "from 2d grids to 1d tokens"),
        ("save: EvoArena", None, ""),
    ],
)
def test_a_paper_author_or_topic_can_be_named(line: str, kind: RequestKind | None, name: str) -> None:
    assert list(read_requests(line)) == ([TasteRequest(kind, name=name)] if kind else [])


@given(
    st.lists(st.tuples(st.sampled_from([MORE, LESS]), st.integers(1, 999)), min_size=1, max_size=8),
    st.sampled_from([{MORE: "more ", LESS: "less "}, {MORE: "mehr ", LESS: "weniger "}, {MORE: "+", LESS: "-"}]),
    st.sampled_from([" ", ", ", "; "]),
)
def test_whatever_is_asked_for_by_numbers_is_understood(
    wanted: list[tuple[RequestKind, int]], verbs: dict[RequestKind, str], between: str
) -> None:
    line = between.join(f"{verbs[kind]}{number}" for kind, number in wanted)
    assert [(one.kind, one.number) for one in read_requests(line)] == wanted


@given(st.text(max_size=200))
def test_any_line_is_read(line: str) -> None:
    for one in read_requests(line):
        assert 0 <= one.number < 1000
        assert bool(one.name) != bool(one.number)


@settings(max_examples=examples(300))
@given(st.binary(max_size=2_000))
def test_any_bytes_are_read(raw: bytes) -> None:
    parse_reply(raw)
    parse_reply(f"To: <reply+{TOKEN}@x.example>\r\n".encode() + raw)


QUOTED = """\
> 1. EvoArena
> more 7
"""


@pytest.mark.parametrize(
    "text",
    [
        f"more 2\n\nOn Mon, 23 Nov 2026 at 06:00, Daily Papers <papers@example.org> wrote:\n{QUOTED}",
        f"more 2\n\nAm Mo., 23. Nov. 2026 um 06:00 Uhr schrieb Daily Papers <\npapers@example.org>:\n{QUOTED}",
        f"On Monday, Daily Papers wrote:\n{QUOTED}\nmore 2\n",
        "more 2\n\nOn Monday, Daily Papers wrote:\n\nIn one minute\nmore 7\n",
        "more 2\n-- \nAda\nmore 7\n",
        "more 2\n\n-----Original Message-----\nmore 7\n",
        "more 2\n________________________________\nmore 7\n",
        "more 2\n\nFrom: Daily Papers\nSent: Monday\nmore 7\n",
        "more 2\n\nVon: Daily Papers\nmore 7\n",
        "more 2\n\nSent from my iPhone\nmore 7\n",
        "Hi,\nmore 2\nBest wishes\nAda\n",
    ],
)
def test_quoted_letters_and_signatures_do_not_count(text: str) -> None:
    assert asked(mail(text)) == [("more", 2)]


@pytest.mark.parametrize(
    "html",
    [
        '<div dir="ltr">more&nbsp;2<br></div><div class="gmail_quote">On Monday wrote:<div>less 7</div></div>',
        '<p>more 2</p><div id="divRplyFwdMsg"><p>less 7</p></div>',
        "<p>more 2</p><blockquote><p>less 7</p></blockquote>",
        "<style>p { more: 7 }</style>\n<div>more\n2</div><hr><div>less 7</div>",
        '<div class="moz-cite-prefix">Ada wrote:</div><blockquote><p>less 7</p></blockquote><p>more 2</p>',
        "<BLOCKQUOTE>less 7<blockquote>less 8</blockquote>less 9</BLOCKQUOTE>more 2",
        "<p>more 2</p><blockquote>less 7<blockquote>less 8</blockquote>less 9",  # the end of the quote is unknown
        "<p>more 2</p><blockquote></blockquote></blockquote><blockquote>less 7",
        '<p>more 2</p><div id="divRplyFwdMsg">From: us</div><blockquote>less 7</blockquote>less 8',
        "<p>\u200bmore 2</p>",
    ],
)
def test_a_reply_in_html_alone_is_read_in_the_same_way(html: str) -> None:
    assert asked(mail("", html)) == [("more", 2)]


def test_of_a_reply_in_two_forms_the_text_is_read_and_attachments_are_not() -> None:
    assert asked(mail("more 2", "<p>less 7</p>")) == [("more", 2)]
    attached = EmailMessage()
    attached["To"] = f"reply+{TOKEN}@bounces.example.org"
    attached.add_attachment("more 7", filename="notes.txt")
    assert asked(attached.as_bytes()) == []


def test_only_the_beginning_of_an_endless_mail_is_read() -> None:
    assert len(list(own_lines("more 2\n" * 1000))) == 40
    assert len(asked(mail(f"more {' '.join(str(n) for n in range(1, 100))}\n"))) == 50


@pytest.mark.parametrize(
    "head",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; type=vacation"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"List_Id": "<papers.example.org>"},
        {"List_Unsubscribe": "<https://lists.example/u>"},
        {"X_Autoreply": "yes"},
        {"X_Auto_Response_Suppress": "All"},
        {"Return_Path": "<>"},
        {"From": "MAILER-DAEMON@relay.example"},
        {"From": "no-reply@relay.example"},
    ],
)
def test_nothing_that_a_program_sent_is_a_reply(head: dict[str, str]) -> None:
    assert parse_reply(mail("more 2", **head)) is None


def test_a_person_s_mail_may_say_that_no_program_sent_it() -> None:
    assert parse_reply(mail("more 2", Auto_Submitted="no"))


@pytest.mark.parametrize(
    "to",
    ["papers@example.org", f"bounces+{TOKEN}@bounces.example.org", f"no-reply+{TOKEN}@x.example", "reply+short@x"],
)
def test_mail_to_other_addresses_is_no_reply(to: str) -> None:
    assert parse_reply(mail("more 2", to=to)) is None


def test_the_address_may_be_in_any_field_of_the_envelope_and_in_any_case() -> None:
    for field in ("Cc", "Delivered_To", "X_Original_To"):
        reply = parse_reply(
            mail("more 2", to="x@example.org", **{field: f"REPLY+{TOKEN.upper()}@bounces.example.org"})
        )
        assert reply
        assert reply.token == TOKEN


def test_a_mail_is_known_by_its_message_id_else_by_its_bytes() -> None:
    first, again = parse_reply(mail("more 2")), parse_reply(b"Received: later\r\n" + mail("more 2"))
    other = parse_reply(mail("more 2", Message_ID="<2@mail.example>"))
    nameless = [parse_reply(f"To: reply+{TOKEN}@x.example\n\n{text}".encode()) for text in ("more 2", "more 3")]
    assert all((first, again, other, *nameless))
    assert first.fingerprint == again.fingerprint
    assert len({one.fingerprint for one in (first, other, *nameless)}) == 4


@pytest.mark.parametrize(
    ("text", "leaves"), [("Unsubscribe.", True), ("STOP", True), ("Abmelden", True), ("Hi", False)]
)
def test_a_single_word_unsubscribes(text: str, leaves: bool) -> None:
    reply = parse_reply(mail(text))
    assert reply
    assert reply.leaves is leaves


def _paper(row: int, title: str, *authors: str) -> Paper:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Paper(id=str(row), row=row, title=title, authors=authors, day=now.date(), sources=(), first_seen=now)


PAPERS = [
    _paper(11, "EvoArena: Tracking Memory", "Jun Xu", "Song Han"),
    _paper(12, "Sparse Attention", "Song Han"),
    _paper(13, "Attention in Robots", "Ann Lee"),
]
ROWS = [one.row for one in PAPERS]
TOPICS = dict(zip(ROWS, ("LLM agents", "Efficiency", "LLM agents"), strict=True))


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("evoarena", [0]),
        ("sparse attention", [1]),
        ("attention", []),  # two papers
        ("song han", [0, 1]),
        ("lee", [2]),
        ("llm agents", [0, 2]),
        ("evo", []),
        ("efficiency", [1]),
    ],
)
def test_a_name_is_one_paper_s_title_or_an_author_or_a_topic(name: str, places: list[int]) -> None:
    found = resolve([TasteRequest(MORE, name=name)], PAPERS, TOPICS)
    assert dict(found.verdicts) == dict.fromkeys((ROWS[place] for place in places), 1)


def test_the_last_rating_of_a_paper_counts_and_unknown_numbers_are_told() -> None:
    wanted = [TasteRequest(MORE, 1), TasteRequest(LESS, 1), TasteRequest(SAVE, 1), TasteRequest(MORE, 4)]
    found = resolve(wanted, PAPERS, TOPICS)
    assert found.saved == (ROWS[0],)
    assert (dict(found.verdicts), found.unknown) == ({ROWS[0]: -1}, (4,))


@pytest.mark.timeout(60)  # it takes a hundredth of a second, and took hours when the time grew with the square
@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize("piece", ["<a ", '<a class=x "', "<br ", "<a class=", "on x\n", "on x ", "<p>more 2</p>"])
def test_a_long_and_hostile_reply_is_read_in_no_time(piece: str, kind: str) -> None:
    head = f"To: reply+{TOKEN}@bounces.example.org\nContent-Type: text/{kind}\n\n"
    reply = parse_reply(head.encode() + (piece * 200_000).encode())
    assert reply is not None
    assert len(reply.requests) <= 50


def test_numbers_that_no_paper_has_are_told_even_zero() -> None:
    requests = read_requests("more 999, less 0, save 1")
    assert [(one.kind, one.number, one.name) for one in requests] == [(MORE, 999, ""), (LESS, 0, ""), (SAVE, 1, "")]
    assert resolve(requests, (), {}).unknown == (999, 0, 1)


def test_a_line_may_begin_with_a_character_that_nobody_sees() -> None:
    assert asked(mail("\u200bmore 2\n\ufeffless 5")) == [("more", 2), ("less", 5)]
