"""Whose request it is: that of a key, or of the address it comes from."""

import ipaddress
import re
from enum import Enum
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import Scope

from spark_gateway.access import Access, Client, RateClass, client_of

CLIENT: Final = "spark.client"
"""Where the guard leaves the client in the request's scope."""
_IN_QUERY: Final = "apiKey"
_IN_QUERY_BYTES: Final = _IN_QUERY.encode()
_QUERY_FIELD: Final = re.compile(rb"(?:^|&)apiKey(?:=[^&]*)?(?=&|$)")
_MOST_ADDRESSES: Final = 10_000  # those seen last; the others are worked out again
_V6_PREFIX: Final = 64  # what one household or machine has: counting single addresses would count nothing


class NoClient(Enum):
    """Why a request is nobody's."""

    NO_KEY = "a key is needed"
    UNKNOWN_KEY = "the key is unknown"


class Identity:
    """Tells clients apart."""

    def __init__(self, access: Access, strangers: RateClass) -> None:
        """``strangers`` is how often an address may be refused for want of a key, where no class is anonymous."""
        self._access = access
        self._refused = access.anonymous or strangers
        self._beforehand = _most_generous([self._refused, *(client.rate for client in access.keys.values())])
        self._of_address = lru_cache(_MOST_ADDRESSES)(self._address)

    def of(self, scope: Scope) -> Client | NoClient:
        """Return the client of a request, or why it has none.

        A key in the query is taken out of it, so that nothing behind this can print it.
        """
        key = _key_in_query(scope) if _IN_QUERY_BYTES in scope["query_string"] else None
        if self._access.keys:
            if (in_headers := _key_in_headers(scope)) is not None:
                key = in_headers
            if key is not None:
                return self._access.holder(key) or NoClient.UNKNOWN_KEY
        client = scope["client"]
        return self._of_address(client[0] if client else "")

    def _address(self, host: str) -> Client | NoClient:
        anonymous = self._access.anonymous
        return NoClient.NO_KEY if anonymous is None else client_of(network(host), anonymous)

    def stranger(self, scope: Scope) -> Client:
        """Return whom a request counts for that is nobody's: its address, and no key that is used there."""
        return client_of(_peer(scope), self._refused)

    def beforehand(self, scope: Scope) -> Client:
        """Return whom a browser's question counts for, whether it may ask: it comes without the key, by its address.

        Nobody's key can be known from it, so it has what the most generous class has, and a bucket of its own: what is
        asked or guessed from that address keeps no page with a good key away.
        """
        return client_of(f"preflight:{_peer(scope)}", self._beforehand)


def _most_generous(classes: list[RateClass]) -> RateClass:
    return RateClass(
        requests_per_second=max(each.requests_per_second for each in classes),
        burst=max(each.burst for each in classes),
        streams=1,
    )


def _peer(scope: Scope) -> str:
    return network(scope["client"][0] if scope["client"] else "")


def network(host: str) -> str:
    """Return what requests of an address are counted by: itself, or the /64 that an IPv6 address is in.

    What is no address, such as the peer of a Unix socket or nonsense from a proxy, counts as one.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), _V6_PREFIX), strict=False))


def _key_in_headers(scope: Scope) -> bytes | None:
    found = None
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return bytes(value[7:].strip())
        if name == b"x-api-key":
            found = bytes(value.strip())
    return found


def _key_in_query(scope: Scope) -> bytes | None:
    query: bytes = scope["query_string"]
    fields = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    scope["query_string"] = _QUERY_FIELD.sub(b"", query).lstrip(b"&")
    keys = [value for name, value in fields if name == _IN_QUERY]
    return keys[-1].encode("latin-1") if keys else None
