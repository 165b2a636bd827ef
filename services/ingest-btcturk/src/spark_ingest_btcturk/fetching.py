"""One GET of the venue's REST, bounded in size."""

import httpx

_LARGEST_ANSWER = 16 * 2**20  # exchangeinfo is about 0.4 MB, all tickers 0.1 MB


class TooLarge(ValueError):
    """The answer is longer than anything that the venue has to say."""


async def fetch(client: httpx.AsyncClient, url: str) -> bytes:
    """Return the body of the answer. Raises httpx.HTTPError, for a status that is no success too, and TooLarge."""
    body = bytearray()
    async with client.stream("GET", url) as response:
        response.raise_for_status()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _LARGEST_ANSWER:
                raise TooLarge(f"an answer of more than {_LARGEST_ANSWER} bytes")
    return bytes(body)
