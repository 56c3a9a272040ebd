import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paperround.delivery.folders import store
from paperround.delivery.inbox import Inbox


def mail(number):
    return (
        f"From: The Papers <papers@papers.example>\r\nTo: <subscriber{number}@mail.example>\r\n"
        f"Subject: =?utf-8?q?N=C2=B0_{number}?=\r\n\r\nBody {number}\r\n"
    ).encode()


@pytest.fixture
def inbox(tmp_path):
    for number in range(7):
        store(tmp_path, mail(number))
    return Inbox(tmp_path)


def test_letters_are_listed_the_newest_first_and_in_pages(inbox):
    assert len(inbox) == 7
    assert [kept.subject for kept in inbox.newest()] == [f"N° {number}" for number in range(6, -1, -1)]
    assert [kept.subject for kept in inbox.newest(limit=2, offset=3)] == ["N° 3", "N° 2"]
    first = inbox.newest(limit=1)[0]
    assert (first.sender, first.recipient) == ("The Papers <papers@papers.example>", "<subscriber6@mail.example>")
    assert first.size == len(mail(6))


def test_a_letter_is_returned_byte_for_byte_and_removed_once(inbox):
    key = inbox.newest(limit=1)[0].key
    assert inbox.get(key) == mail(6)
    assert inbox.delete(key)
    assert inbox.get(key) is None
    assert not inbox.delete(key)
    assert len(inbox) == 6


def test_a_letter_that_a_mail_program_has_moved_and_marked_is_still_there(inbox, tmp_path):
    kept = inbox.newest(limit=1)[0]
    (tmp_path / "new" / kept.key).rename(tmp_path / "cur" / f"{kept.key}:2,S")
    assert [each.key for each in inbox.newest(limit=1)] == [kept.key]
    assert inbox.get(kept.key) == mail(6)
    assert inbox.delete(kept.key)
    assert len(inbox) == 6


def test_only_so_many_letters_are_kept(inbox):
    inbox.keep_newest(3)
    assert [kept.subject for kept in inbox.newest()] == ["N° 6", "N° 5", "N° 4"]
    inbox.keep_newest(10)
    assert len(inbox) == 3


@pytest.mark.parametrize(
    "key", ["../secret", "..", "/etc/passwd", "a/b", "", "*", "[0-9]", "x" * 200, "0", "a\0b", "-a"]
)
def test_no_key_leads_out_of_the_inbox(inbox, tmp_path, key):
    (tmp_path / "secret").write_text("not a letter")
    assert inbox.get(key) is None
    assert not inbox.delete(key)
    assert len(inbox) == 7


def test_addresses_in_other_scripts_are_listed_as_they_are_and_forgotten_when_their_subscriber_is(inbox, tmp_path):
    for address in ("ä@example.org", "用户@xn--r8jz45g.jp", "ada@xn--r8jz45g.jp"):
        store(tmp_path, f"From: papers@papers.example\r\nTo: {address}\r\nSubject: Papers\r\n\r\n".encode())
    listed = [kept.recipient for kept in inbox.newest(limit=3)]
    assert listed == ["ada@xn--r8jz45g.jp", "用户@xn--r8jz45g.jp", "ä@example.org"]
    inbox.forget(["ada@例え.jp", "用户@例え.jp", "Ä@example.org", "no address"])
    assert len(inbox) == 7


def test_an_inbox_that_nothing_came_to_is_empty(tmp_path):
    inbox = Inbox(tmp_path / "none")
    assert len(inbox) == 0
    assert inbox.newest() == []
    assert inbox.get("1") is None


odd_fields = st.text(st.sampled_from('a<>@,:;()[]"=?uQBtf-8._ \u00e9\t\n'), max_size=80)


@given(st.binary(max_size=300) | odd_fields.map(lambda text: f"Subject: {text}\r\nFrom: {text}\r\n\r\n".encode()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_at_all_can_be_listed(tmp_path, octets):
    path = store(tmp_path, octets)
    assert Inbox(tmp_path).newest(limit=1)[0].size == len(octets)
    path.unlink()
