"""One GET, against a real server that behaves badly: bounded in size and in time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from spark_ingest.fetching import TooLarge, exchange, fetch, retry_after_s


@asynccontextmanager
async def answering(chunks: Iterator[bytes], pause_s: float = 0.0) -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(pause_s)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def long_answer(chunk: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
    while True:
        yield chunk


async def test_an_answer_that_comes_in_drops_is_not_waited_for_for_ever() -> None:
    """No single read takes long, so that only a deadline for all of it ends it."""
    async with answering(long_answer(b"."), 0.05) as url, httpx.AsyncClient(timeout=5) as client:
        with pytest.raises(httpx.ReadTimeout, match=r"within 0\.3 s"):
            await fetch(client, url, within_s=0.3)


async def test_an_answer_without_end_is_given_up() -> None:
    async with answering(long_answer(b"." * 100_000)) as url, httpx.AsyncClient(timeout=5) as client:
        with pytest.raises(TooLarge):
            await fetch(client, url, most_bytes=1_000_000)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("Retry-After: 60", 60.0), ("Retry-After: 86400", 600.0), ("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Retry-After: 5\r\nRetry-After: 7", 0.0), ("Retry-After: -5", 0.0), ("Retry-After: ٣", 0.0), ("X: y", 0.0),
        (f"Retry-After: {'9' * 400}", 600.0), ("Retry-After: Wed, 99 Oct 2026 07:28:00 GMT", 0.0),
        ("Date: Wed, 21 Oct 2026 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2026 07:28:45 GMT", 45.0),
        ("Date: yesterday\r\nRetry-After: Wed, 21 Oct 2026 07:28:45 GMT", 0.0),
    ],
)  # fmt: skip
async def test_a_refusal_tells_how_long_to_stay_away(headers: str, expected: float) -> None:
    refusal = f"HTTP/1.1 429 Too Many Requests\r\n{headers}\r\nContent-Length: 0\r\n\r\n".encode()
    async with answering(iter([refusal])) as url, httpx.AsyncClient(timeout=5) as client:
        with pytest.raises(httpx.HTTPStatusError) as refused:
            await fetch(client, url)

    assert retry_after_s(refused.value) == expected


async def test_of_a_refusal_no_more_than_the_beginning_is_read() -> None:
    refusal = iter([b"HTTP/1.1 503 No\r\nContent-Length: 100000000\r\n\r\n", *[b"." * 50_000] * 9])
    async with answering(refusal) as url, httpx.AsyncClient(timeout=5) as client:
        response, body = await exchange(client, client.build_request("GET", url), within_s=5)

    assert (response.status_code, len(body)) == (503, 65_536)
