"""The short way for the usual addresses gives what the whole validation gives."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from paperround.domain.errors import UsageError
from paperround.subscribers.membership import address

_LOCAL = st.text("aB9_+-.!'é ", max_size=66)
_DOMAIN = st.one_of(
    st.sampled_from(
        ["example.org", "Mail.Example.ORG", "bücher.example", "x", "a..b", "-a.org", "[127.0.0.1]", "test"]
    ),
    st.text("aB9-.", max_size=70),
    st.builds("{}.org".format, st.text("ab", min_size=60, max_size=66)),
)


@given(_LOCAL, _DOMAIN)
@example("a" * 64, "example.org")
@example("a" * 65, "example.org")
@example("a", ".".join(["b" * 60] * 4))
@example("a\n", "example.org")
def test_usual_addresses_are_validated_like_all_others(local: str, domain: str) -> None:
    given_address = f"{local}@{domain}"
    try:
        expected = validate_email(" ".join(given_address.split()), check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        with pytest.raises(UsageError, match="not an email address"):
            address(given_address)
    else:
        assert address(given_address) == expected
