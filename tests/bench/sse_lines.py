"""The least that a client of a stream must do: ask, and take the data out of the bytes."""

PATH = "/api/market/btcturk/stream"


def symbols(number: int) -> list[str]:
    """Return the names of so many symbols."""
    return ["BTC_TRY", *(f"S{nth:04d}_TRY" for nth in range(1, number))]


def path(symbol: str, throttle_ms: int) -> str:
    """Return where a stream is."""
    return f"{PATH}?symbol={symbol}&throttle={throttle_ms}"


def request(symbol: str, throttle_ms: int) -> bytes:
    """Return the request for a stream."""
    return f"GET {path(symbol, throttle_ms)} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


class Lines:
    """Splits what a socket brings into the JSON of its tickers."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[bytes]:
        """Return the tickers that ``data`` completes. Chunk sizes and all else stand on lines of their own."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line[6:].rstrip(b"\r") for line in lines if line.startswith(b'data: {"type":"ticker"')]
