"""The gateway's settings on access: a mistake stops the start, and says what is accepted."""

import pytest

from spark_gateway.cors import Cors
from spark_gateway.settings import GatewaySettings
from spark_service.settings import SettingsError, load

EXPOSE = (b"access-control-expose-headers", b"RateLimit, RateLimit-Policy, Retry-After, ETag")
VARY = (b"vary", b"Origin")


def test_the_defaults_let_everybody_in() -> None:
    settings = load(GatewaySettings, {})

    assert (settings.rate, settings.burst, settings.streams_per_client, settings.streams) == (100, 200, 200, 10_000)
    assert settings.venues == ("btcturk", "bist")
    assert (settings.access, settings.audit_log, settings.trusted_proxies) == (None, None, ())
    assert settings.cors_origins == ("*",)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CORS_ORIGINS", "https://a.example/", "no path"),
        ("CORS_ORIGINS", "a.example", "is no origin"),
        ("CORS_ORIGINS", "https://A.example", "small letters"),
        ("CORS_ORIGINS", "https://u@a.example", "is no origin"),
        ("CORS_ORIGINS", "*,https://a.example", "leave the others out"),
        ("CORS_ORIGINS", ",", "it names none"),
        ("CORS_ORIGINS", "null", "is no origin"),
        ("TRUSTED_PROXIES", "*", "neither an address nor a network"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "host bits"),
        ("TRUSTED_PROXIES", "proxy.example", "neither an address nor a network"),
        ("RATE", "0", "greater than or equal to 0.001"),
        ("RATE", "nan", "finite"),
        ("BURST", "0", "greater than or equal to 1"),
        ("STREAMS", "1.5", "integer"),
    ],
)
def test_a_value_that_cannot_be_used_stops_the_start(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        load(GatewaySettings, {f"SPARK_GATEWAY_{name}": value})

    assert str(caught.value).startswith(f"SPARK_GATEWAY_{name}") and "\n" not in str(caught.value)


def test_lists_of_networks_and_origins_are_taken() -> None:
    settings = load(
        GatewaySettings,
        {
            "SPARK_GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1,2001:db8::/32",
            "SPARK_GATEWAY_CORS_ORIGINS": "https://a.example, http://localhost:3000,http://[::1]:3000",
        },
    )

    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.1", "2001:db8::/32")
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000", "http://[::1]:3000")


def test_every_origin_may_read_unless_there_is_a_list() -> None:
    anyone, some = Cors(("*",)), Cors(("https://a.example",))

    assert anyone.headers(b"https://x.example") == anyone.headers(None)
    assert anyone.headers(None) == [(b"access-control-allow-origin", b"*"), EXPOSE]
    assert some.headers(b"https://a.example") == [
        (b"access-control-allow-origin", b"https://a.example"), EXPOSE, VARY,
    ]  # fmt: skip
    assert some.headers(b"https://x.example") == some.headers(b"*") == some.headers(None) == [VARY]
