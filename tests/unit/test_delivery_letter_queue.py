"""Which letter is sent next, and that none is in two places or in none."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from paperround.delivery.letter_queue import LetterQueue
from paperround.domain.models import Letter

IN_DOUBT = 4


def letter(number: int) -> Letter:
    return Letter(number, "bounces@papers.example", "ann@mail.example", b"")


def queue_of(number: int, *, max_in_doubt: int = IN_DOUBT, wait: float = 0.0) -> LetterQueue:
    return LetterQueue(map(letter, range(number)), max_in_doubt, lambda _now: wait)


def drawn(queue: LetterQueue) -> Letter:
    taken = queue.draw()
    assert taken is not None
    return taken


def test_letters_are_drawn_until_there_are_no_more() -> None:
    queue = queue_of(2)
    assert [drawn(queue), drawn(queue), queue.draw()] == [letter(0), letter(1), None]
    assert queue.ended
    assert not queue.has_more


def test_no_more_letters_are_in_doubt_than_allowed_until_outcomes_are_recorded() -> None:
    queue = queue_of(9, max_in_doubt=2)
    drawn(queue)
    drawn(queue)
    assert not queue.places
    assert queue.draw() is None
    assert not queue.may_prefetch(8)
    queue.recorded(1)
    assert drawn(queue) == letter(2)


def test_a_letter_whose_turn_has_not_come_is_waited_for_only_while_a_connection_asks_for_it() -> None:
    queue = queue_of(9, wait=60.0)
    assert queue.next_turn_at == float("inf")
    assert queue.draw() is None
    assert queue.next_turn_at < float("inf")
    assert not queue.may_prefetch(8)
    queue.begin_round()
    assert queue.next_turn_at == float("inf")


def test_a_turn_is_reserved_once_for_each_letter() -> None:
    waits = iter([0.01, 60.0])
    queue = LetterQueue(map(letter, range(9)), IN_DOUBT, lambda _now: next(waits))
    while (first := queue.draw()) is None:
        pass
    assert first == letter(0)
    assert queue.draw() is None
    assert queue.draw() is None


def test_one_letter_is_prefetched_for_each_connection() -> None:
    queue = queue_of(9)
    for _ in range(2):
        assert queue.may_prefetch(2)
        queue.add_prefetched(drawn(queue))
    assert not queue.may_prefetch(2)
    assert queue.awaiting_connection == 0
    assert [queue.take(), queue.take(), queue.take()] == [letter(0), letter(1), None]


def test_a_letter_that_lost_its_connection_has_one_more_try() -> None:
    queue = queue_of(9)
    lost = drawn(queue)
    assert queue.retry(lost)
    assert queue.awaiting_connection == 1
    assert queue.take() is None
    assert queue.take_retry() == lost
    assert not queue.retry(lost)


def test_a_letter_with_an_outcome_starts_anew_when_it_is_sent_again() -> None:
    queue = queue_of(9)
    lost = drawn(queue)
    queue.retry(lost)
    queue.answered(queue.take_retry().delivery)
    assert queue.retry(lost)


def test_letters_without_a_new_connection_go_first_over_the_present_ones_in_their_order() -> None:
    queue = queue_of(9)
    first, second, waiting = drawn(queue), drawn(queue), drawn(queue)
    queue.add_pending(waiting)
    queue.retry(first)
    queue.retry(second)
    queue.requeue_retries()
    assert not queue.retries
    assert [queue.take(), queue.take(), queue.take()] == [first, second, waiting]
    assert queue.retry(first), "it was not its fault that there was no new connection"


def test_after_a_stop_only_prefetched_letters_and_retries_are_sent() -> None:
    queue = queue_of(9)
    pending, prefetched, lost = drawn(queue), drawn(queue), drawn(queue)
    queue.add_pending(pending)
    queue.add_prefetched(prefetched)
    queue.retry(lost)
    queue.stop()
    assert not queue.has_more
    assert queue.draw() is None
    assert not queue.may_prefetch(8)
    assert queue.take() == prefetched
    assert queue.take() is None
    assert queue.take_retry() == lost
    assert list(queue.remaining()) == [pending]
    assert list(queue.remaining()) == []


def test_an_error_of_the_letters_is_raised() -> None:
    def letters():
        yield letter(0)
        raise OSError("the database is away")

    queue = LetterQueue(letters(), IN_DOUBT, lambda _now: 0.0)
    drawn(queue)
    with pytest.raises(OSError, match="database"):
        queue.draw()


class Conservation(RuleBasedStateMachine):
    """A pool that does anything a pool may do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = queue_of(30)
        self.drawn: list[Letter] = []
        self.on_connections: list[Letter] = []
        self.unrecorded: list[Letter] = []
        self.recorded: list[Letter] = []

    def draw(self) -> Letter | None:
        if drawn := self.queue.draw():
            self.drawn.append(drawn)
        return drawn

    @rule()
    def send(self) -> None:
        if letter := self.queue.take() or self.draw():
            self.on_connections.append(letter)

    @rule()
    def prefetch(self) -> None:
        if self.queue.may_prefetch(2) and (letter := self.draw()):
            self.queue.add_prefetched(letter)

    @rule()
    def wait_for_a_connection(self) -> None:
        if letter := self.draw():
            self.queue.add_pending(letter)

    @precondition(lambda self: self.queue.retries)
    @rule()
    def send_again(self) -> None:
        self.on_connections.append(self.queue.take_retry())

    @precondition(lambda self: self.on_connections)
    @rule(lost=st.booleans())
    def end(self, lost: bool) -> None:
        letter = self.on_connections.pop()
        if not lost or not self.queue.retry(letter):
            self.queue.answered(letter.delivery)
            self.unrecorded.append(letter)

    @rule()
    def record(self) -> None:
        self.queue.recorded(len(self.unrecorded))
        self.recorded += self.unrecorded
        self.unrecorded = []

    @rule()
    def give_up_new_connections(self) -> None:
        self.queue.requeue_retries()

    @rule()
    def stop(self) -> None:
        self.queue.stop()

    @invariant()
    def no_more_are_in_doubt_than_allowed(self) -> None:
        assert len(self.drawn) - len(self.recorded) <= IN_DOUBT

    def teardown(self) -> None:
        everywhere = [*self.queue.remaining(), *self.on_connections, *self.unrecorded, *self.recorded]
        assert sorted(letter.delivery for letter in everywhere) == list(range(len(self.drawn)))


TestConservation = Conservation.TestCase
TestConservation.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
