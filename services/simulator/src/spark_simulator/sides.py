"""What a trade's side is on the wire. What the venue's numbers mean is disputed, so that it can be set."""

from spark_simulator.tape import Trade


class SideCode:
    """What a side is on the wire, where its meaning is disputed."""

    def __init__(self, zero_buys: bool) -> None:
        """``zero_buys``: 0 means that the taker bought, as the venue's documentation has it."""
        self._of_buyer = 0 if zero_buys else 1

    def __call__(self, trade: Trade) -> int:
        """Return ``S`` of a trade."""
        return self._of_buyer if trade.taker_buys else 1 - self._of_buyer

    def word(self, trade: Trade) -> str:
        """Return REST's ``side``: matched by id on the live feed, 0 was always ``sell`` there, and 1 ``buy``.

        So if 0 means that the taker buys, REST's word is the maker's side.
        """
        return "buy" if self(trade) else "sell"
