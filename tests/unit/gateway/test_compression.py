"""Who gets an answer compressed: RFC 9110 says what a header means."""

import gzip

import pytest

from spark_gateway.compression import accepts_gzip, compressed


@pytest.mark.parametrize(
    ("sent", "accepted"),
    [
        ([], False),
        ([""], False),
        (["gzip"], True),
        (["GZIP"], True),
        (["x-gzip"], True),
        (["*"], True),
        (["gzip, deflate, br, zstd"], True),
        (["br", "gzip"], True),
        (["gzip;q=0"], False),
        (["gzip;q=0.000, *"], False),
        (["gzip ; q=0.001"], True),
        (["*;q=0"], False),
        (["identity"], False),
        (["gzip;q=0.5, identity"], False),
        (["gzip;q=0.5, identity;q=0.1"], True),
        (["br;q=1, deflate"], False),
        (["gzip;q=nonsense"], False),
        (["gzip;level=9"], False),
        (["ungzip"], False),
        ([",,;;==,\x00"], False),
    ],
)
def test_gzip_is_for_whom_prefers_it_to_nothing(sent: list[str], accepted: bool) -> None:
    assert accepts_gzip(sent) is accepted


@pytest.mark.parametrize("size", [0, 2_000, 200_000])
async def test_what_is_compressed_comes_out_again(size: int) -> None:
    body = b'{"price":1}' * size
    assert gzip.decompress(await compressed(body)) == body
