"""When a failure is that of a whole domain, or of all, and no address is to blame."""

from __future__ import annotations

import pytest

from paperround.bounces.widespread import widespread_failure
from paperround.domain.models import BounceKind
from paperround.domain.suppressions import RecentLetter, SuppressionCause, WidespreadFailure

HARD, SOFT, POLICY = BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY
FINE = RecentLetter("mail.example", None, None, "")


def letters(number: int, kind: BounceKind, status: str, text: str = "", domain: str = "mail") -> list[RecentLetter]:
    return [RecentLetter(f"{domain}.example", kind, status, text)] * number


def failure(kind: BounceKind, status: str | None, there: list[RecentLetter], others: list[RecentLetter]) -> object:
    return widespread_failure(kind, status, "550 <ada@mail.example>: gone", lambda: there, lambda: there + others)


@pytest.mark.parametrize("kind", [BounceKind.COMPLAINT, BounceKind.NOTHING])
def test_a_complaint_is_never_a_failure_and_no_letter_is_read_for_it(kind: BounceKind) -> None:
    def read() -> list[RecentLetter]:
        raise AssertionError("nothing has to be read")

    assert widespread_failure(kind, None, "", read, read) is None


@pytest.mark.parametrize(("gone", "fine", "found"), [(5, 4, True), (5, 5, False), (4, 0, False)])
def test_hard_bounces_of_most_of_a_domain_in_the_same_words_are_the_domains(
    gone: int, fine: int, found: bool
) -> None:
    there = letters(gone, HARD, "5.1.1", "550 <ben@mail.example>: gone") + [FINE] * fine
    wanted = WidespreadFailure(everywhere=False, lifts=SuppressionCause.HARD_BOUNCE)
    assert failure(HARD, "5.1.1", there, []) == (wanted if found else None)


def test_hard_bounces_in_other_words_are_not() -> None:
    assert failure(HARD, "5.1.1", letters(9, HARD, "5.1.1", "mailbox full"), []) is None


@pytest.mark.parametrize(("lost", "fine", "found"), [(3, 2, True), (3, 3, False), (2, 0, False)])
def test_lost_letters_to_most_of_a_domain_are_the_domains(lost: int, fine: int, found: bool) -> None:
    there = letters(lost - 1, SOFT, "4.2.2") + letters(1, POLICY, "5.7.1") + [FINE] * fine
    wanted = WidespreadFailure(everywhere=False, lifts=SuppressionCause.LOST_LETTERS)
    assert failure(SOFT, "4.2.2", there, []) == (wanted if found else None)


@pytest.mark.parametrize(
    ("kind", "status", "lifts"),
    [(SOFT, "4.4.1", SuppressionCause.LOST_LETTERS), (HARD, "5.1.2", SuppressionCause.BAD_DOMAIN)],
)
@pytest.mark.parametrize(
    ("domains", "fine", "found"), [("abcde", 4, True), ("abcde", 5, False), ("aabbb", 0, False), ("abcd", 0, False)]
)
def test_failures_of_most_letters_to_several_domains_are_everywhere(
    kind: BounceKind, status: str, lifts: SuppressionCause, domains: str, fine: int, found: bool
) -> None:
    others = [FINE] * fine + [one for domain in domains for one in letters(1, kind, status, domain=domain)]
    assert failure(kind, status, [], others) == (WidespreadFailure(everywhere=True, lifts=lifts) if found else None)
