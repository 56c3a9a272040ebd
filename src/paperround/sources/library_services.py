"""Read libraries of papers from Zotero (web API v3) and ORCID (public API v3.0)."""

from __future__ import annotations

import json
import re
from typing import Any

from paperround.domain.errors import InvalidValueError, SourceError
from paperround.domain.errors import translatable as _
from paperround.domain.models import Problem
from paperround.network.http import Http, HttpResponse, Pace
from paperround.sources.library import Library, LibraryEntry, entry_of, read_library

ZOTERO, ORCID = "https://api.zotero.org", "https://pub.orcid.org/v3.0"
ZOTERO_PACE = Pace("api.zotero.org", seconds=1.0, backoff=2.0)
MAX_READ = 200  # the latest papers
_PAGE = 100  # Zotero's maximum
_ORCID_ID = re.compile(r"(\d{4}-\d{4}-\d{4}-\d{3}[\dXx])\s*/?\s*$")
_ACCESS_REFUSED = (401, 403, 404)


def orcid_id(text: str) -> str:
    """Return the ORCID iD in a text or URL. Raises InvalidValueError if it is missing or mistyped.

    The last digit is a checksum (ISO 7064 MOD 11-2).
    """
    match = _ORCID_ID.search(text.strip())
    digits = match[1].replace("-", "").upper() if match else ""
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    if not digits or digits[-1] != "0123456789X"[(12 - total % 11) % 11]:
        sentence = _("%(text)s is not an ORCID iD; write it as 0000-0002-1825-0097")
        raise InvalidValueError(sentence, text=repr(text.strip()[:60]))
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


def read_zotero(http: Http, key: str) -> Library:
    """Return the newest papers in the library to which a Zotero key gives access.

    Raises SourceError, with the remedy, if the key does not work or no longer works, or if Zotero does not respond.
    """
    owner = _ask_zotero(http, "keys/current", key, {})
    user = _object(owner).get("userID")
    if not isinstance(user, int):
        raise SourceError(
            "Zotero: this key gives access to no library; create one at zotero.org/settings/keys", retryable=False
        )
    entries: list[LibraryEntry] = []
    problems: list[Problem] = []
    for start in range(0, MAX_READ, _PAGE):
        params: dict[str, str | int] = {"format": "csljson", "limit": _PAGE, "start": start}
        params |= {"sort": "dateAdded", "direction": "desc"}
        response = _ask_zotero(http, f"users/{user}/items/top", key, params)
        _object(response)  # raises SourceError if it is not JSON
        library = read_library(response.body, "Zotero")
        entries += library.entries
        problems += library.problems
        if start + _PAGE >= _total(response):
            break
    return Library(tuple(entries), tuple(problems))


def _ask_zotero(http: Http, path: str, key: str, params: dict[str, str | int]) -> HttpResponse:
    headers = {"Zotero-API-Version": "3", "Zotero-API-Key": key}
    response = http.get(f"{ZOTERO}/{path}", service="Zotero", params=params, pace=ZOTERO_PACE, headers=headers)
    if response.status in _ACCESS_REFUSED:
        raise SourceError(
            "Zotero: this key is not valid, or no longer; create one at zotero.org/settings/keys "
            "that can read your library",
            retryable=False,
        )
    response.expect_ok("Zotero")
    return response


def _total(response: HttpResponse) -> int:
    total = response.headers.get("total-results", "")
    return int(total) if total.isascii() and total.isdecimal() else 0


def read_orcid(http: Http, orcid: str) -> Library:
    """Return the works in an ORCID record. They have titles and identifiers, but no abstracts.

    Raises SourceError, with the remedy, if the record does not exist or ORCID does not respond.
    """
    url = f"{ORCID}/{orcid}/works"
    response = http.get(url, service="ORCID", headers={"Accept": "application/json"})
    if response.status in _ACCESS_REFUSED:
        raise SourceError(f"ORCID: there is no public record {orcid}; check the iD", retryable=False)
    response.expect_ok("ORCID")
    groups = _object(response).get("group")
    works = [_work(group) for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []
    return Library(tuple(work for work in works if work)[:MAX_READ])


def _work(group: dict[str, Any]) -> LibraryEntry | None:
    try:
        summary = group["work-summary"][0]
        title = summary["title"]["title"]["value"]
        names = (summary.get("external-ids") or {}).get("external-id") or []
        # An identifier with the relationship part-of is that of the book.
        own = [
            identifier
            for identifier in names
            if isinstance(identifier, dict) and identifier.get("external-id-relationship") != "part-of"
        ]
        places = [identifier.get("external-id-value") for identifier in own]
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    return entry_of(title, "", (), *places)


def _object(response: HttpResponse) -> dict[str, Any]:
    """Return the JSON object in a response. Raises SourceError if it is something else, such as a proxy's page."""
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise SourceError(
            f"{response.url.partition('?')[0]} returned something other than JSON; requested again later",
            retryable=True,
        )
    return value
