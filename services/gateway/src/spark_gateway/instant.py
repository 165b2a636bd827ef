"""What is answered the moment its head has been read: the plain question for a ticker, within its client's limits."""

from starlette.types import Scope

from spark_gateway.access import Client
from spark_gateway.answers import message_parts, written
from spark_gateway.buckets import Buckets
from spark_gateway.identity import Identity
from spark_gateway.shortcut import OF_ANY_ORIGIN, Found, Tickers
from spark_gateway.tags import Headers

Answer = tuple[int, bytes]
"""The status, and what goes to the wire behind the header fields that are the server's own."""


class Instant:
    """Says what the guard and the short cut would, when neither needs to wait or to refuse.

    In all other cases it says nothing and has taken nothing: the request goes its ordinary way, as if not seen here.
    """

    def __init__(self, tickers: Tickers, identity: Identity, buckets: Buckets) -> None:
        self._tickers = tickers
        self._identity = identity
        self._buckets = buckets
        # By target, the newest that somebody asked for; a symbol has one target that gets this far.
        self._made: dict[bytes, tuple[Found, Answer]] = {}

    def __call__(self, target: bytes, scope: Scope) -> Answer | None:
        """Return the answer to a GET of ``target``, as it was sent, whose ``scope`` has headers and client; or None."""
        answer = self._answer(target, scope["headers"])
        if answer is None:
            return None
        scope["query_string"] = b""  # with a key in it, it would be another question
        client = self._identity.of(scope)
        if not isinstance(client, Client) or client.venues is not None:
            return None
        return answer if self._buckets.spend(client) == 0 else None  # last: what is taken is for this answer

    def _answer(self, target: bytes, headers: Headers) -> Answer | None:
        conditional = False
        for name, _ in headers:
            if name == b"origin":
                return None
            conditional = conditional or name == b"if-none-match"
        made = self._made.get(target)
        if made is None or not made[0].is_current():
            path, _, query = target.partition(b"?")
            found = self._tickers.find(path, query)
            if found is None:
                return None
            made = self._made[target] = found, _made(found, ())
        return _made(made[0], headers) if conditional else made[1]


def _made(found: Found, headers: Headers) -> Answer:
    status, fields, body = message_parts(found.epoch, found.item, headers)
    return status, written(fields + OF_ANY_ORIGIN) + b"\r\n" + body
