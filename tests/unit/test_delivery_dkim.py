import base64
import hashlib
import re
from functools import lru_cache

import dkim as dkimpy
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from paperround.delivery.dkim import Dkim, canonical_body, sign, signer
from paperround.delivery.dkim_key import Key
from paperround.domain.errors import ConfigurationError
from support.examples import examples

LETTER = (
    b"From: Papers <papers@papers.example>\r\nTo: <ada@mail.example>\r\nSubject: Ten\r\n papers\r\n"
    b"Date: Mon, 23 Nov 2026 07:00:00 +0000\r\nMessage-ID: <1@papers.example>\r\n"
    b"Reply-To: <editor@papers.example>\r\nList-Id: <papers.papers.example>\r\n"
    b"List-Unsubscribe: <https://papers.example/u/abc>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFeedback-ID: digest:::papersexample\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"\r\nOne  paper \r\n\tand another\r\n\r\n\r\n"
)


@lru_cache
def rsa_key():
    return Key("papers.example", "morning", rsa.generate_private_key(65537, 2048))


@lru_cache
def ed25519_key():
    return Key("papers.example", "evening", ed25519.Ed25519PrivateKey.generate())


def holds(message, key=None):
    name, text = (key or rsa_key()).dns_record
    records = {f"{name}.".encode(): text.encode()}
    try:
        return dkimpy.verify(message, dnsfunc=lambda name, **_: records.get(name))
    except dkimpy.DKIMException:
        return False


def test_a_signature_holds_before_an_independent_judge():
    signed = sign(LETTER, [rsa_key()])
    assert signed.endswith(LETTER)
    assert holds(signed)
    assert not holds(LETTER)


@given(st.data())
@settings(max_examples=examples(40), deadline=None)
def test_whatever_is_changed_in_what_it_covers_breaks_it(data):
    signed = sign(LETTER, [rsa_key()])
    spot = data.draw(st.integers(signed.index(b"From:"), len(signed) - 1))
    changed = signed[:spot] + b"#" + signed[spot + 1 :]
    assert not holds(changed)


@pytest.mark.parametrize("added", [b"From: Mallory <m@other.example>\r\n", b"from: x@other.example\r\n"])
def test_a_second_from_breaks_it_wherever_it_is_put(added):
    signed = sign(LETTER, [rsa_key()])
    assert not holds(added + signed)
    assert not holds(signed.replace(b"To: <ada", added + b"To: <ada"))


def test_white_space_that_relays_change_does_not_break_it():
    signed = sign(LETTER, [rsa_key()])
    assert holds(signed.replace(b"Subject: Ten\r\n papers", b"SUBJECT:  Ten papers"))
    assert holds(signed.replace(b"One  paper \r\n\tand", b"One paper\r\n and"))
    assert holds(signed.rstrip() + b"\r\n")


def test_all_that_providers_ask_for_is_covered_and_the_length_is_not_limited():
    head = sign(LETTER, [rsa_key()]).partition(b"From:")[0].decode()
    tags = dict(tag.split("=", 1) for tag in re.sub(r"\s", "", head.partition(":")[2]).split(";"))
    assert tags["h"].split(":").count("from") == 2
    wanted = "from to subject date message-id mime-version content-type reply-to feedback-id"
    listed = "list-id list-unsubscribe list-unsubscribe-post"
    assert set(tags["h"].split(":")) >= {*wanted.split(), *listed.split()}
    assert (tags["a"], tags["c"], tags["d"], tags["s"]) == (
        "rsa-sha256",
        "relaxed/relaxed",
        "papers.example",
        "morning",
    )
    assert "l" not in tags
    assert max(map(len, head.split("\r\n"))) <= 76


def test_a_missing_field_is_not_listed():
    signed = sign(b"From: a@papers.example\r\nSubject: x\r\n\r\nBody\r\n", [rsa_key()])
    assert b"h=from:from:subject;" in signed
    assert holds(signed)


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n", b"a", b"a\r\n \t\r\n\r\n", b"a\r\n\r\nb"])
def test_odd_bodies_hold(body):
    assert holds(sign(b"From: a@papers.example\r\n\r\n" + body, [rsa_key()]))


def test_a_message_without_a_body_or_with_odd_fields_is_signed_too():
    assert holds(sign(b"From: a@papers.example\r\nSubject: =?utf-8?q?x?=\r\n\r\n", [rsa_key()]))
    assert b"DKIM-Signature" in sign("From: a@papers.example\r\nX-Gr\u00fc\u00dfe: x\r\n\r\n".encode(), [rsa_key()])


@given(st.lists(st.sampled_from([b" ", b"\t", b"a", b".", b"\r\n"]), max_size=30).map(b"".join))
def test_the_body_is_canonical_as_rfc_6376_words_it(body):
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    assert canonical_body(body) == b"".join(line + b"\r\n" for line in lines)


def verified_by_hand(message, key):
    """RFC 6376 6.1.3 and RFC 8463 in a few lines that share nothing with the code under test."""
    head, body = message.split(b"\r\n\r\n", 1)
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    fields = [line.split(b":", 1) for line in unfolded.split(b"\r\n")]
    mine = next(v for n, v in fields if n == b"DKIM-Signature" and b"ed25519" in v)
    tags = dict(re.findall(r"(\w+)=([^;]*)", re.sub(r"\s", "", mine.decode())))
    assert tags["bh"] == base64.b64encode(hashlib.sha256(canonical_body(body)).digest()).decode()
    rest = {name.lower(): value for name, value in fields}
    relaxed = [
        f"{name}:{' '.join(rest.pop(name.encode()).decode().split())}\r\n"
        for name in tags["h"].split(":")
        if name.encode() in rest
    ]
    own = " ".join(mine.decode().rpartition("b=")[0].split()) + " b="
    digest = hashlib.sha256(("".join(relaxed) + f"dkim-signature:{own}").encode()).digest()
    key.private.public_key().verify(base64.b64decode(tags["b"]), digest)


def test_ed25519_signatures_hold_too():
    signed = sign(LETTER, [ed25519_key()])
    verified_by_hand(signed, ed25519_key())
    with pytest.raises(InvalidSignature):
        verified_by_hand(signed.replace(b"Ten", b"Tem"), ed25519_key())


def test_with_two_keys_each_signs():
    signed = sign(LETTER, [rsa_key(), ed25519_key()])
    assert signed.count(b"DKIM-Signature:") == 2
    assert holds(signed)
    verified_by_hand(signed, ed25519_key())


def test_the_dns_record_carries_the_public_key():
    name, text = rsa_key().dns_record
    assert name == "morning._domainkey.papers.example"
    assert text.startswith("v=DKIM1; k=rsa; p=MII")
    name, text = ed25519_key().dns_record
    assert text.startswith("v=DKIM1; k=ed25519; p=")
    assert len(base64.b64decode(text.partition("p=")[2])) == 32


def pem(private, path, password=None):
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, encryption))
    return path


@pytest.mark.slow
def test_settings_read_their_keys(tmp_path):
    settings = Dkim(
        domain="b\u00fccher.example",
        selector="morning",
        key_file=pem(rsa_key().private, tmp_path / "rsa.pem"),
        more=(
            Dkim(
                domain="papers.example",
                selector="evening",
                key_file=pem(ed25519_key().private, tmp_path / "ed.pem"),
            ),
        ),
    )
    assert settings.domain == "xn--bcher-kva.example"
    assert [key.algorithm for key in settings.load()] == ["rsa-sha256", "ed25519-sha256"]
    assert signer(settings)(LETTER).count(b"DKIM-Signature:") == 2


def test_an_unusable_key_file_is_named_with_a_remedy(tmp_path):
    junk = tmp_path / "junk.pem"
    junk.write_text("-----BEGIN nothing-----")
    files = {
        tmp_path / "absent.pem": "cannot be read",
        junk: "not a private key",
        pem(rsa_key().private, tmp_path / "locked.pem", b"secret"): "without a password",
        pem(ec.generate_private_key(ec.SECP256R1()), tmp_path / "ec.pem"): "neither RSA nor Ed25519",
        pem(rsa.generate_private_key(65537, 1024), tmp_path / "short.pem"): "1024 bits",
    }
    for path, told in files.items():
        with pytest.raises(ConfigurationError) as caught:
            signer(Dkim(domain="papers.example", selector="morning", key_file=path))
        assert str(path) in str(caught.value)
        assert told in str(caught.value)
        assert "paperround dkim keygen" in str(caught.value)


@pytest.mark.parametrize("wrong", [{"domain": "no domain"}, {"selector": "a b"}, {"domain": ""}, {"selectr": "x"}])
def test_a_wrong_setting_is_refused(wrong, tmp_path):
    with pytest.raises(ValidationError):
        Dkim(**({"domain": "papers.example", "selector": "morning", "key_file": tmp_path} | wrong))
