import base64
import hmac
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain import tokens
from paperround.domain.errors import ConfigurationError, InvalidTokenError

KEYS = tokens.keys("a secret of sixteen characters or more")
OTHER = tokens.keys("quite another secret that is long enough")
NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
WEEK = timedelta(days=7)

numbers = st.integers(0, tokens.MAX_NUMBER)
purposes = st.sampled_from([tokens.UNSUBSCRIBE, tokens.PREFERENCES, tokens.DIGEST, tokens.CONFIRM])
LINK_CHARACTERS = string.ascii_letters + string.digits + "-_"
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def another(data, alphabet, character):
    return data.draw(st.sampled_from([c for c in alphabet if c != character]))


@given(numbers, purposes)
def test_a_token_gives_its_number_back_and_fits_into_a_link(number, purpose):
    token = tokens.mint(KEYS, purpose, number)
    assert tokens.read(KEYS, purpose, token) == number
    assert len(token) == 28
    assert set(token) <= set(LINK_CHARACTERS)


@given(numbers, purposes, st.binary(min_size=32, max_size=32))
def test_a_token_contains_the_standard_hmac_of_purpose_and_number(number, purpose, key):
    payload = number.to_bytes(5, "big")
    code = hmac.digest(key, purpose.encode() + b"\0" + payload, "sha256")[:16]
    assert tokens.mint([key], purpose, number) == base64.urlsafe_b64encode(payload + code).decode()


@given(numbers, purposes, st.data())
def test_changing_any_character_spoils_the_token(number, purpose, data):
    token = tokens.mint(KEYS, purpose, number)
    spot = data.draw(st.integers(0, len(token) - 1))
    other = another(data, LINK_CHARACTERS + "+/=", token[spot])
    with pytest.raises(InvalidTokenError):
        tokens.read(KEYS, purpose, token[:spot] + other + token[spot + 1 :])


@given(numbers, purposes, purposes)
def test_a_token_for_one_purpose_is_worth_nothing_for_another(number, purpose, other):
    if purpose != other:
        with pytest.raises(InvalidTokenError):
            tokens.read(KEYS, other, tokens.mint(KEYS, purpose, number))


@given(st.text(max_size=60))
def test_whatever_else_comes_in_is_a_bad_token_and_nothing_worse(text):
    for read in (
        lambda: tokens.read(KEYS, "u", text),
        lambda: tokens.read(KEYS, "c", text, issued_after=NOW - WEEK),
        lambda: tokens.read_verp(KEYS, text),
    ):
        with pytest.raises(InvalidTokenError):
            read()


def test_every_shortened_or_lengthened_token_is_refused():
    token = tokens.mint(KEYS, "u", 7)
    shorter = [token[:length] for length in range(len(token))]
    for wrong in [*shorter, token + "A", token + "AAAA", " " + token, token + "\n"]:
        with pytest.raises(InvalidTokenError):
            tokens.read(KEYS, "u", wrong)


def test_an_old_key_still_reads_and_a_foreign_one_does_not():
    rotated = (*OTHER, *KEYS)
    assert tokens.read(rotated, "u", tokens.mint(KEYS, "u", 5)) == 5
    assert tokens.mint(rotated, "u", 5) == tokens.mint(OTHER, "u", 5)
    with pytest.raises(InvalidTokenError, match="not issued by this site"):
        tokens.read(OTHER, "u", tokens.mint(KEYS, "u", 5))


def test_a_setting_may_hold_several_keys_and_none_of_them_may_be_short():
    both = tokens.keys("the newer of two long keys is this one, the older of two long keys is that one")
    assert len(both) == 2
    assert both[1:] == tokens.keys("the older of two long keys is that one")
    for secret in ("", " , ", "short", "a key that is long enough,short"):
        with pytest.raises(ConfigurationError, match="32 characters or more"):
            tokens.keys(secret)


@given(numbers, st.integers(0, 7 * 24 * 60))
def test_a_confirmation_token_expires(number, minutes):
    issued = NOW - timedelta(minutes=minutes)
    token = tokens.mint(KEYS, tokens.CONFIRM, number, issued=issued)
    assert len(token) == 36
    assert tokens.read(KEYS, tokens.CONFIRM, token, issued_after=NOW - WEEK) == number
    with pytest.raises(InvalidTokenError, match="has expired") as caught:
        tokens.read(KEYS, tokens.CONFIRM, token, issued_after=issued + timedelta(seconds=1))
    assert caught.value.expired


def test_a_token_without_a_time_does_not_pass_where_one_is_asked_for_nor_the_other_way_round():
    with pytest.raises(InvalidTokenError) as caught:
        tokens.read(KEYS, "c", tokens.mint(KEYS, "c", 5), issued_after=NOW - WEEK)
    assert not caught.value.expired
    with pytest.raises(InvalidTokenError):
        tokens.read(KEYS, "c", tokens.mint(KEYS, "c", 5, issued=NOW))


@given(numbers)
def test_a_return_address_survives_folded_case_and_forwarders(number):
    address = tokens.verp(KEYS, number, "mail.papers.example")
    assert len(address.partition("@")[0]) <= 64
    assert address == address.lower()
    for seen in (
        address,
        address.upper(),
        f"<{address}>",
        "SRS0=x7Ht=2K=mail.papers.example=" + address.replace("@mail.papers.example", "@forwarder.example"),
    ):
        assert tokens.read_verp(KEYS, tokens.find_verp(seen) or "") == number


@given(numbers, st.data())
def test_changing_any_character_spoils_a_return_address(number, data):
    token = tokens.find_verp(tokens.verp(KEYS, number, "papers.example")) or ""
    spot = data.draw(st.integers(0, len(token) - 1))
    other = another(data, BASE32 + "=", token[spot])
    with pytest.raises(InvalidTokenError):
        tokens.read_verp(KEYS, token[:spot] + other + token[spot + 1 :])


def test_a_return_token_is_not_a_link_and_ordinary_addresses_hold_none():
    address = tokens.verp(KEYS, 5, "papers.example")
    assert tokens.find_verp("ada@papers.example") is None
    assert tokens.find_verp(address.replace("+", "+a")) is None
    with pytest.raises(InvalidTokenError):
        tokens.read(KEYS, tokens.VERP, tokens.find_verp(address) or "")


def test_numbers_beyond_forty_bits_are_refused_when_minting():
    for number in (-1, tokens.MAX_NUMBER + 1):
        with pytest.raises(OverflowError):
            tokens.mint(KEYS, "u", number)


def test_a_token_has_one_spelling_only():
    token = next(t for t in (tokens.mint(KEYS, "u", n) for n in range(100)) if "-" in t and "_" in t)
    with pytest.raises(InvalidTokenError, match="incomplete"):
        tokens.read(KEYS, "u", token.replace("-", "+").replace("_", "/"))
    returned = tokens.find_verp(tokens.verp(KEYS, 5, "papers.example")) or ""
    spelled_alike = returned[:-1] + BASE32[BASE32.index(returned[-1]) ^ 1]  # the last two bits are spare
    with pytest.raises(InvalidTokenError):
        tokens.read_verp(KEYS, spelled_alike)


@given(st.integers(0, 2**32 - 1), st.integers(0, tokens.MAX_LINK_GENERATION))
def test_a_renewed_link_has_another_number_and_both_halves_come_back(number, generation):
    carried = tokens.with_generation(number, generation)
    assert 0 <= carried <= tokens.MAX_NUMBER
    assert tokens.split_generation(carried) == (number, generation)
    assert (carried == number) is (generation == 0)


def test_links_of_another_database_are_not_valid() -> None:
    here, there = tokens.link_keys(KEYS, "one"), tokens.link_keys(KEYS, "another")
    for other in (there, KEYS):
        with pytest.raises(InvalidTokenError):
            tokens.read(other, "u", tokens.mint(here, "u", 5))
    assert tokens.link_keys(KEYS, "") == KEYS  # of a database that is older than salts


def test_a_former_key_is_accepted_with_the_salt_too() -> None:
    rotated = tokens.link_keys((*OTHER, *KEYS), "one")
    assert tokens.read(rotated, "u", tokens.mint(tokens.link_keys(KEYS, "one"), "u", 5)) == 5
