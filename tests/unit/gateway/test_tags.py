"""Entity tags: a client that holds what it would get is told so, however it says what it holds."""

import pytest

from spark_gateway import tags

from .examples import a_frame, a_trade

TAG = b'"e0.2000-7"'


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        (TAG, TAG),
        (b"W/" + TAG, b"W/" + TAG),
        (b'"x", ' + TAG + b' ,"y"', TAG),
        (b'W/"x",W/' + TAG, b"W/" + TAG),
        (b"*", TAG),
        (b" * ", TAG),
        (b'"e0.2000-70"', None),
        (b'"0.2000-7"', None),
        (b"e0.2000-7", None),
        (b"", None),
        (b'"*"', None),
        (b"\xff\x00garbage", None),
    ],
)
def test_what_a_client_holds_is_found_among_what_it_sends(sent: bytes, held: bytes | None) -> None:
    assert tags.held(TAG, [(b"host", b"x"), (b"if-none-match", sent)]) == held


def test_a_list_may_come_in_several_headers() -> None:
    assert tags.held(TAG, [(b"if-none-match", b'"x"'), (b"if-none-match", TAG)]) == TAG


def test_nothing_is_held_by_one_who_does_not_say_so() -> None:
    assert tags.held(TAG, [(b"etag", TAG)]) is None


def test_an_entry_has_the_same_tag_on_every_replica() -> None:
    assert tags.of_entry("e0", a_frame(a_trade("1"), 7)) == TAG


def test_a_body_has_a_tag_of_its_own() -> None:
    assert tags.of_body(b"a") == tags.of_body(b"a")
    assert tags.of_body(b"a") != tags.of_body(b"b")
