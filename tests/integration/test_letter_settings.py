"""What a site says about its letters reaches them."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from paperround.rounds import pipeline
from support.papers import listing
from support.site import Site


def _letter(folder: Path, contact: str = "", **site: Any) -> EmailMessage:
    """The one letter of a site with these settings, in the theme that shows pictures."""
    base = {"base_url": "https://papers.example.org", "sender": "papers@example.org"}
    folder.mkdir(exist_ok=True)
    made = Site(folder, contact=contact, site={**base, **site})
    made.topic("robots")
    made.subscriber("ada@example.org", "robots", at="06:00", theme="cards")
    made.papers(listing(1, thumbnail_url="https://pictures.example/1.png"))
    made.clock.now = made.clock.now.replace(day=24)
    pipeline.publish(made.app)
    pipeline.deliver(made.app)
    made.app.close()
    return message_from_bytes(made.relay.letters[0].message, policy=policy.default)


def _html(letter: EmailMessage) -> str:
    part = letter.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_the_subject_is_worded_as_the_site_has_it(tmp_path: Path) -> None:
    letter = _letter(tmp_path, name="Lab papers", subject="{site}, {topics}: {inside}")
    assert letter["Subject"] == "Lab papers, Robots: 1 paper on 1 topic"


def test_a_site_without_pictures_has_none_in_its_letters(tmp_path: Path) -> None:
    assert "<img" not in _html(_letter(tmp_path, pictures=False))


def test_the_list_owner_is_the_sites_contact(tmp_path: Path) -> None:
    owners = [
        _letter(tmp_path / str(number), contact=contact, reply_to="Editor <editor@example.org>")["List-Owner"]
        for number, contact in enumerate(("ops@example.org", "https://example.org/contact", ""))
    ]
    assert owners == ["<mailto:ops@example.org>", "<https://example.org/contact>", "<mailto:editor@example.org>"]


def test_a_site_without_a_contact_names_no_list_owner(tmp_path: Path) -> None:
    assert _letter(tmp_path)["List-Owner"] is None
