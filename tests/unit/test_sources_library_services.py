"""Zotero and ORCID, asked in their own formats over real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from paperround.domain.clock import machine_clock
from paperround.domain.errors import SourceError
from paperround.network.http import Http, HttpEnvironment, HttpPolicy
from paperround.sources import library_services
from paperround.sources.library_services import read_orcid, read_zotero
from support.library_server import KEY, ORCID, Services

pytestmark = pytest.mark.slow  # a local server, and waits


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    made = Services()
    monkeypatch.setattr(library_services, "ZOTERO", made.url)
    monkeypatch.setattr(library_services, "ORCID", f"{made.url}/orcid")
    monkeypatch.setattr(
        library_services, "ZOTERO_PACE", library_services.Pace("zotero-here", seconds=0.0, backoff=0.0)
    )
    yield made
    made.close()


@pytest.fixture
def http() -> Iterator[Http]:
    with Http("https://papers.example.org", environment=HttpEnvironment(clock=machine_clock)) as made:
        yield made


def test_a_library_is_read_to_its_end_and_no_further_than_the_newest(services: Services, http: Http) -> None:
    assert len(read_zotero(http, KEY).entries) == 130
    services.items *= 3
    assert len({one.title for one in read_zotero(http, KEY).entries}) == 130
    assert len(services.asked) == 6


def test_an_invalid_key_is_reported(services: Services, http: Http) -> None:
    with pytest.raises(SourceError, match="this key is not valid, or no longer"):
        read_zotero(http, "another")


def test_a_key_without_a_library_is_reported(services: Services, http: Http) -> None:
    services.body = b'{"key": "x"}'
    with pytest.raises(SourceError, match="this key gives access to no library"):
        read_zotero(http, KEY)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"[" * 50_000])
def test_a_response_that_is_not_json_is_reported(services: Services, http: Http, body: bytes) -> None:
    services.body = body
    with pytest.raises(SourceError, match="returned something other than JSON"):
        read_orcid(http, ORCID)


def test_works_are_read_and_odd_ones_left_out(services: Services, http: Http) -> None:
    [work] = read_orcid(http, ORCID).entries
    assert (work.title, work.doi) == ("Storks", "10.1038/nature14539")
    services.body = b'{"group": null}'
    assert read_orcid(http, ORCID).entries == ()


@pytest.mark.parametrize(("status", "said"), [(404, "there is no public record"), (418, "HTTP 418")])
def test_a_refusal_is_reported(services: Services, http: Http, status: int, said: str) -> None:
    services.status = status
    with pytest.raises(SourceError, match=said):
        read_orcid(http, ORCID)


def test_a_page_without_a_total_is_the_last(services: Services, http: Http) -> None:
    services.body = b'{"userID": 1, "items": [{"title": "Storks"}]}'
    assert [one.title for one in read_zotero(http, KEY).entries] == ["Storks"]


def test_header_fields_go_to_no_other_host(services: Services, http: Http) -> None:
    other = Services()
    services.redirect = f"{other.url}/keys/current"
    with Http("https://papers.example.org", HttpPolicy(private_hosts=("127.0.0.1",))) as trusting:
        answer = trusting.get(f"{services.url}/keys/current", service="test", headers={"Zotero-API-Key": KEY})
    other.close()
    assert answer.status == httpx.codes.FORBIDDEN, "the other host was not given the key"
