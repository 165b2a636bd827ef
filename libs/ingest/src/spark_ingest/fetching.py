"""One question over HTTP, bounded in size and time."""

import asyncio
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

LONGEST_S: Final = 30.0
LARGEST: Final = 16 * 2**20
LONGEST_RETRY_AFTER_S: Final = 600.0
_LARGEST_REFUSAL: Final = 2**16


class TooLarge(ValueError):
    """The answer is longer than anything that the venue has to say."""


async def exchange(
    client: httpx.AsyncClient, request: httpx.Request, *, within_s: float = LONGEST_S, most_bytes: int = LARGEST
) -> tuple[httpx.Response, bytes]:
    """Return the answer and its body; of one that is no success no more than its beginning is read.

    Raises httpx.HTTPError, but for no status, and TooLarge.
    """
    body = bytearray()
    response: httpx.Response | None = None
    try:
        async with asyncio.timeout(within_s):  # httpx's own is for each read
            response = await client.send(request, stream=True)
            async for chunk in response.aiter_bytes():
                body += chunk
                if not response.is_success and len(body) > _LARGEST_REFUSAL:
                    del body[_LARGEST_REFUSAL:]
                    break
                if len(body) > most_bytes:
                    raise TooLarge(f"an answer of more than {most_bytes} bytes")
    except TimeoutError as exc:
        raise httpx.ReadTimeout(f"no whole answer within {within_s:g} s") from exc
    finally:
        if response is not None:
            await response.aclose()
    return response, bytes(body)


async def fetch(
    client: httpx.AsyncClient, url: str, *, within_s: float = LONGEST_S, most_bytes: int = LARGEST
) -> bytes:
    """Return the body of the answer to a GET. Raises httpx.HTTPError, for a status that is no success too, and
    TooLarge."""
    response, body = await exchange(
        client, client.build_request("GET", url), within_s=within_s, most_bytes=most_bytes
    )  # fmt: skip
    response.raise_for_status()
    return body


def retry_after_s(exc: Exception) -> float:
    """Return how long a venue that refused asks to be left alone."""
    return asked_wait_s(exc.response) if isinstance(exc, httpx.HTTPStatusError) else 0.0


def asked_wait_s(response: httpx.Response, most_s: float = LONGEST_RETRY_AFTER_S) -> float:
    """Return how long an answer asks to be left alone, ``most_s`` at most; 0 when it does not ask, or not clearly.

    A date is compared with the answer's own, where it has one, so that two clocks need not agree.
    """
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:10]), most_s)
    with suppress(ValueError, OverflowError):
        until_s = parsedate_to_datetime(asked).timestamp()
        now_s = time.time()
        with suppress(ValueError, OverflowError):
            now_s = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
        return min(max(0.0, until_s - now_s), most_s)
    return 0.0
