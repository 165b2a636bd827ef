"""Cursors: what a browser sends back, so anything at all may come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_bus.cursor import BadCursor, Cursor, EntryId, parse

numbers = st.integers(min_value=0, max_value=10**16 - 1)
entry_ids = st.builds(EntryId, numbers, numbers)
cursors = st.builds(
    Cursor, st.from_regex(r"[a-z][a-z0-9]{0,31}", fullmatch=True), st.from_regex(r"[0-9a-f]{1,32}", fullmatch=True),
    entry_ids,
)  # fmt: skip


@given(st.lists(cursors, min_size=1, max_size=16, unique_by=lambda cursor: cursor.venue))
def test_cursors_survive_the_trip_through_a_browser(given_cursors: list[Cursor]) -> None:
    text = ",".join(str(cursor) for cursor in given_cursors)

    assert list(parse(text).values()) == given_cursors


@given(entry_ids)
def test_an_entry_id_is_written_as_redis_writes_it(entry: EntryId) -> None:
    assert EntryId.parse(str(entry)) == entry
    assert EntryId.parse(str(entry).encode()) == entry


@given(st.text(max_size=80))
def test_any_text_is_cursors_or_a_bad_cursor(text: str) -> None:
    """Whatever a client sends, the answer is a problem document and not an error of ours."""
    try:
        found = parse(text)
    except BadCursor:
        return
    assert all(venue == cursor.venue for venue, cursor in found.items())


@pytest.mark.parametrize(
    "text",
    [
        "", ",", "btcturk", "btcturk.1f", "btcturk.1f.1", "btcturk.1f.1-", "btcturk.XY.1-0", "BTCTURK.1f.1-0",
        "btcturk.1f.1-0,", "btcturk.1f.-1-0", "btcturk.1f.1-0 btcturk.1f.1-0", "btcturk.1f.١-0",
        "btcturk.1f.1-0\nx", f"btcturk.1f.{10**16}-0", f"b{'x' * 32}.1f.1-0", ",".join(["a.1.1-0"] * 17),
    ],
)  # fmt: skip
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        parse(text)


def test_ids_are_ordered_as_numbers_not_as_text() -> None:
    """As text, entry 10 of a millisecond would come before entry 9."""
    assert EntryId(5, 9) < EntryId(5, 10) < EntryId(10, 0)
