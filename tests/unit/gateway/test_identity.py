"""Whose request it is: keys in three places, addresses by what one client has of them."""

import hashlib
from typing import Any

import pytest

from spark_gateway.access import Access, Client, RateClass, client_of
from spark_gateway.identity import Identity, NoClient, network

RATE = RateClass(requests_per_second=1, burst=1, streams=1)
ACME = client_of("key:acme", RATE)
KEYS = {hashlib.sha256(b"k3y+/=").digest(): ACME}


def identity(*, anonymous: bool = True) -> Identity:
    return Identity(Access(RATE if anonymous else None, KEYS), RATE)


def a_scope(query: bytes = b"", host: str = "192.0.2.7", **headers: bytes) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return {"type": "http", "query_string": query, "headers": named, "client": (host, 1)}


@pytest.mark.parametrize(
    "scope",
    [
        a_scope(authorization=b"Bearer k3y+/="),
        a_scope(authorization=b"bearer  k3y+/= "),
        a_scope(x_api_key=b"k3y+/="),
        a_scope(b"apiKey=k3y%2B%2F%3D"),
        a_scope(b"symbol=*&apiKey=k3y%2B/=&throttle=0"),
        a_scope(b"apiKey=wrong", x_api_key=b"wrong", authorization=b"Bearer k3y+/="),
        a_scope(b"apiKey=wrong", x_api_key=b"k3y+/="),
        a_scope(b"apiKey=wrong&apiKey=k3y%2B%2F%3D"),
        a_scope(x_api_key=b"k3y+/=", authorization=b"Basic dTpw"),
    ],
)
def test_a_key_may_come_in_three_places(scope: dict[str, Any]) -> None:
    assert identity(anonymous=False).of(scope) is ACME


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (b"apiKey=k&symbol=*", b"symbol=*"),
        (b"symbol=*&apiKey=k", b"symbol=*"),
        (b"symbol=*&apiKey=k&apiKey=l&throttle=0", b"symbol=*&throttle=0"),
        (b"xapiKey=k", b"xapiKey=k"),
        (b"apiKey=", b""),
        (b"apiKey", b""),
    ],
)
def test_a_key_does_not_stay_in_the_query(query: bytes, left: bytes) -> None:
    scope = a_scope(query)

    identity().of(scope)

    assert scope["query_string"] == left


@pytest.mark.parametrize("scope", [a_scope(x_api_key=b"other"), a_scope(authorization=b"Bearer "), a_scope(b"apiKey=")])
def test_a_key_that_is_not_known_makes_nobody_anonymous(scope: dict[str, Any]) -> None:
    assert identity().of(scope) is NoClient.UNKNOWN_KEY


def test_without_a_key_one_is_ones_address_or_nobody() -> None:
    client = identity().of(a_scope())

    assert isinstance(client, Client) and client.id == "192.0.2.7"
    assert identity(anonymous=False).of(a_scope()) is NoClient.NO_KEY


def test_without_any_keys_what_looks_like_one_is_not_looked_at() -> None:
    client = Identity(Access(RATE, {}), RATE).of(a_scope(b"apiKey=x", authorization=b"Bearer of something else"))

    assert isinstance(client, Client) and client.id == "192.0.2.7"


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("unix:/tmp/x", "unknown"),
        ("evil\nline", "unknown"),
    ],
)
def test_an_ipv6_client_has_a_whole_network(host: str, counted: str) -> None:
    assert network(host) == counted
