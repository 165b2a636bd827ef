"""How REST answers: whole, or "you have that already", and compressed for whom that pays."""

from fastapi import Request, Response

from spark_gateway import tags
from spark_gateway.compression import SMALLEST, accepts_gzip, compressed
from spark_gateway.events import Frame

JSON = b"application/json"

Parts = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body of an answer."""


def message_parts(epoch: str, item: Frame, headers: tags.Headers) -> Parts:
    """Return what answers with a message of the bus as it is.

    It is less than what compressing would pay for.
    """
    tag = tags.of_entry(epoch, item)
    if (held := tags.held(tag, headers)) is not None:
        return 304, [(b"etag", held), (b"cache-control", tags.CACHING)], b""
    length = b"%d" % len(item.data)
    return 200, [
        (b"content-length", length), (b"content-type", JSON), (b"etag", tag), (b"cache-control", tags.CACHING),
    ], item.data  # fmt: skip


def written(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return header fields as they go to the wire."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def message(request: Request, epoch: str, item: Frame) -> Response:
    """Answer with a message of the bus as it is."""
    status, headers, body = message_parts(epoch, item, request.headers.raw)
    return _response(status, headers, body)


async def document(request: Request, body: bytes) -> Response:
    """Answer with JSON that was put together for this request."""
    tag = tags.of_body(body)
    headers = [(b"cache-control", tags.CACHING), (b"vary", b"Accept-Encoding")]
    if (held := tags.held(tag, request.headers.raw)) is not None:
        return _response(304, [(b"etag", held), *headers], b"")
    if len(body) >= SMALLEST and accepts_gzip(request.headers.getlist("accept-encoding")):
        body, tag = await compressed(body), b"W/" + tag  # weak: the same words in other bytes
        headers.append((b"content-encoding", b"gzip"))
    length = b"%d" % len(body)
    return _response(200, [(b"content-length", length), (b"content-type", JSON), (b"etag", tag), *headers], body)


def _response(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Response:
    response = Response(body, status)
    response.raw_headers = headers
    return response
