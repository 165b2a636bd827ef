"""What a heartbeat still has to tell of when each instrument was heard: only what Redis has not acknowledged."""

from collections.abc import Mapping


class Telling:
    """Times by ``channel:symbol``, in ms UTC."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}
        self._telling: dict[str, int] = {}

    def news(self, heard: Mapping[str, int]) -> dict[str, int]:
        """Return what of ``heard`` is to be told now."""
        self._telling = {field: at for field, at in heard.items() if self._told.get(field) != at}
        return self._telling

    def acknowledged(self) -> None:
        """Redis has what was told last."""
        self._told.update(self._telling)

    def forget(self) -> None:
        """Redis has nothing any more."""
        self._told.clear()
