from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from paperround.delivery.smtp import SendingPace


@given(st.integers(1, 1000), st.lists(st.floats(0, 0.5), max_size=50))
def test_letters_never_come_closer_than_the_rate_allows_however_long_nothing_was_sent(rate, pauses):
    pace, now, places = SendingPace(rate), 1000.0, []
    for pause in pauses:
        now += pause
        places.append(now + pace.wait(now))
    assert all(later - earlier >= 1 / rate - 1e-9 for earlier, later in pairwise(places))


def test_without_a_rate_nobody_waits():
    assert [SendingPace(None).wait(now) for now in (0.0, 0.0, 5.0)] == [0.0, 0.0, 0.0]


@given(st.integers(1, 50), st.lists(st.tuples(st.integers(0, 2), st.floats(0, 0.5)), max_size=80))
def test_several_programs_together_keep_the_pace_of_one(rate, turns):
    free, now = 1000.0, 1000.0

    def reserve(seconds: float) -> float:
        nonlocal free
        begins = max(now, free)
        free = begins + seconds
        return begins - now

    programs, busy_until, places = [SendingPace(rate, reserve) for _ in range(3)], [0.0] * 3, []
    for program, pause in turns:
        now = max(now + pause, busy_until[program])
        busy_until[program] = now + programs[program].wait(now)  # a program waits for its place
        places.append(busy_until[program])
    places.sort()
    for start in range(len(places)):
        within = sum(place < places[start] + 1 - 1e-9 for place in places[start:])
        assert within <= rate + 3, "in no second more than the rate, and one more for each program"
