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
