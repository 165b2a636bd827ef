"""One GET of the venue's REST, bounded in size and time."""

import asyncio

import httpx

_LONGEST_S = 30.0
_LONGEST_RETRY_AFTER_S = 600.0
_LARGEST_ANSWER = 16 * 2**20  # exchangeinfo is about 0.4 MB, all tickers 0.1 MB


class TooLarge(ValueError):
    """The answer is longer than anything that the venue has to say."""


async def fetch(client: httpx.AsyncClient, url: str) -> bytes:
    """Return the body of the answer. Raises httpx.HTTPError, for a status that is no success too, and TooLarge."""
    body = bytearray()
    try:
        async with asyncio.timeout(_LONGEST_S), client.stream("GET", url) as response:  # httpx's own is for each read
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    raise TooLarge(f"an answer of more than {_LARGEST_ANSWER} bytes")
    except TimeoutError as exc:
        raise httpx.ReadTimeout(f"no whole answer within {_LONGEST_S:g} s") from exc
    return bytes(body)


def retry_after_s(exc: Exception) -> float:
    """Return how long a venue that refused asks to be left alone; the dated form of the header is not known here."""
    if not isinstance(exc, httpx.HTTPStatusError):
        return 0.0
    asked = exc.response.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_RETRY_AFTER_S) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0.0
