from hypothesis import given
from hypothesis import strategies as st

from paperround.process.chunks import chunked


@given(st.lists(st.integers()), st.integers(1, 10))
def test_chunks_hold_all_items_in_their_order_and_none_is_too_long(items: list[int], size: int) -> None:
    chunks = list(chunked(items, size))
    assert [item for chunk in chunks for item in chunk] == items
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(0 < len(chunk) <= size for chunk in chunks)
