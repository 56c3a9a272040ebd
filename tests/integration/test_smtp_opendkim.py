"""Our signatures before OpenDKIM, which many relays check with."""

import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from paperround.delivery.dkim import sign
from paperround.delivery.dkim_key import Key
from paperround.delivery.message import HeaderData, assemble, encoded
from paperround.domain.models import RenderedLetter

HEAD = HeaderData(
    sender_name="Pâpers, daily",
    sender="papers@papers.example",
    recipient="ada@mail.example",
    date=datetime(2026, 11, 23, 7, tzinfo=UTC),
    message_id="<letter-1@papers.example>",
    unsubscribe_url="https://papers.example/u/AAAA",
)
RENDERED = RenderedLetter("Größe und Maß", "<p>Zwölf  Boxkämpfer </p>\n" * 40, "Zwölf\n.\n\n" * 9)
LETTER = assemble(HEAD, encoded(RENDERED))
KEYS = {
    "rsa": Key("papers.example", "morning", rsa.generate_private_key(65537, 2048)),
    "ed25519": Key("papers.example", "evening", ed25519.Ed25519PrivateKey.generate()),
}


@pytest.fixture
def judge(tmp_path):
    program = shutil.which("opendkim") or pytest.skip("OpenDKIM is not installed (Debian: opendkim)")
    records = (" ".join(key.dns_record) for key in KEYS.values())
    (tmp_path / "dns").write_text("\n".join(records) + "\n")
    (tmp_path / "conf").write_text(f"Mode v\nTestDNSData {tmp_path / 'dns'}\nLogWhy yes\nSyslog no\n")

    def judged(message):
        (tmp_path / "letter.eml").write_bytes(message)
        command = [program, "-x", str(tmp_path / "conf"), "-t", str(tmp_path / "letter.eml")]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return run.stdout + run.stderr

    return judged


@pytest.mark.parametrize("kind", KEYS)
def test_opendkim_accepts_our_signatures(kind, judge):
    assert "succeeded" in judge(sign(LETTER, [KEYS[kind]]))


@pytest.mark.parametrize("kind", KEYS)
def test_opendkim_sees_when_a_letter_was_changed(kind, judge):
    said = judge(sign(LETTER, [KEYS[kind]]).replace(b"Boxk", b"Boxc", 1))
    assert "failed" in said
    assert "succeeded" not in said
