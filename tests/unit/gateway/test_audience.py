"""Who is found for a frame is exactly who wants it, whatever they ask for and however they are kept."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from spark_bus.cursor import EntryId
from spark_gateway.audience import Audience
from spark_gateway.events import Frame
from spark_gateway.subscription import CHANNELS, Interest
from support.examples import VENUE

SYMBOLS = [f"S{number}" for number in range(120)]
INTERESTS = st.builds(
    Interest,
    st.just(VENUE),
    st.none() | st.frozensets(st.sampled_from(SYMBOLS), min_size=1, max_size=100),
    st.frozensets(st.sampled_from(CHANNELS), min_size=1),
)


@dataclass(eq=False)
class Listener:
    interest: Interest


@given(st.lists(INTERESTS, max_size=12), st.sampled_from(["", *CHANNELS]), st.sampled_from(["", *SYMBOLS]), st.data())
def test_who_wants_a_frame_is_found_and_nobody_else(
    interests: list[Interest], channel: str, symbol: str, data: st.DataObject
) -> None:
    """A gap is of all channels or all symbols when it names none."""
    audience: Audience[Listener] = Audience()
    listeners = [Listener(interest) for interest in interests]
    for listener in listeners:
        audience.add(listener)
    gone = data.draw(st.lists(st.sampled_from(listeners), unique_by=id)) if listeners else []
    for listener in gone:
        audience.remove(listener)

    found = list(audience.of(Frame(EntryId(1, 0), channel or "gap", channel, symbol, b"", b"")))

    left = [listener for listener in listeners if listener not in gone]
    assert len(audience) == len(left)
    assert {id(listener) for listener in found} == {
        id(listener) for listener in left if listener.interest.wants(channel, symbol)
    }
    assert len(found) == len({id(listener) for listener in found}), "each is offered it once"
