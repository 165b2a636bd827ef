"""The address of Redis: checked at start, and its password kept out of everything that is printed."""

import pytest
from pydantic import SecretStr

from spark_service.redis_url import RedisUrl, address
from spark_service.settings import Settings, SettingsError, load, setting


class Example(Settings):
    redis_url: RedisUrl = setting("SPARK_REDIS_URL", SecretStr("redis://127.0.0.1:6379/0"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "127.0.0.1:6379"), ("redis://redis", "redis:6379"),
        ("rediss://user:secret@redis.example:6380/2", "redis.example:6380"), ("redis://:secret@redis:1/0", "redis:1"),
        ("unix:///run/redis.sock?db=0", "unix:/run/redis.sock"), ("unix://user:secret@/run/r.sock", "unix:/run/r.sock"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert address(load(Example, {"SPARK_REDIS_URL": url}).redis_url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "redis", "localhost:6379", "http://redis:6379", "redis://", "redis:///0", "redis://:6379", "redis://h:port",
        "redis://h:70000", "redis://[::1", "redis://u:p@",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="SPARK_REDIS_URL cannot be used"):
        load(Example, {"SPARK_REDIS_URL": url})
