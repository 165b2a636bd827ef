"""What the control API can be told to do: one struct for each fault, and one sentence for what cannot be done."""

from typing import Annotated, Literal, TypeAlias

import msgspec

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
_CloseCode = Annotated[int, msgspec.Meta(ge=1000, le=4999)]
_NOT_SENDABLE = {1004, 1005, 1006, 1015, *range(1016, 3000)}  # reserved by RFC 6455, never on the wire


class BadCommand(ValueError):
    """A command cannot be followed; the text says why, in one sentence."""


class _Command(
    msgspec.Struct, frozen=True, tag_field="fault", tag=str.lower, rename="camel", forbid_unknown_fields=True
):
    pass


class Cut(_Command, frozen=True):
    """Drop every TCP connection without a closing handshake."""


class Close(_Command, frozen=True):
    """Close every connection with a code and a reason."""

    code: _CloseCode = 1000
    reason: str = ""

    def __post_init__(self) -> None:
        if self.code in _NOT_SENDABLE:
            raise ValueError(f"code {self.code} may not be sent in a close frame")
        if len(self.reason.encode()) > 123:  # what a control frame leaves beside the code
            raise ValueError("reason is longer than 123 bytes")


class Refuse(_Command, frozen=True):
    """Answer upgrades with an HTTP status for a while."""

    seconds: _Seconds
    status: Literal[403, 429, 503] = 503
    retry_after: Annotated[int, msgspec.Meta(ge=0, le=86400)] | None = None


class Silence(_Command, frozen=True):
    """Send no data for a while; pings, pongs and answers to joins go on, as in a silent stall."""

    seconds: _Seconds


class Malformed(_Command, frozen=True):
    """Send frames that no client can use, besides the real ones."""

    count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


Command: TypeAlias = Cut | Close | Refuse | Silence | Malformed
_DECODER = msgspec.json.Decoder(Command)


def read(body: bytes) -> Command:
    """Return the command in ``body``. Raises BadCommand."""
    try:
        command: Command = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise BadCommand(
            f"this is not a fault ({exc}); send JSON with fault: cut, close, refuse, silence or malformed, "
            "and that fault's own fields"
        ) from exc
    return command
