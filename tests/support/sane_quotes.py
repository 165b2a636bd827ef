"""What may leave the protocols of Borsa İstanbul's sources: the oracle of tests that throw anything at them."""

from decimal import Decimal

from spark_ingest_bist.quotes import Quote

ERRORS = {"symbol", "wrong_market", "no_price", "bad_number", "bad_time", "html", "not_json", "shape"}


def check_quote(quote: Quote) -> None:
    prices = (
        quote.price, quote.open, quote.previous_close, quote.high, quote.low, quote.bid, quote.ask,
    )  # fmt: skip
    for price in prices:
        if price is not None:
            check_number(price, 8)
            assert 0 < price < 10**9
    if quote.volume is not None:
        check_number(quote.volume, 18)
    assert quote.venue_time is None or 10**12 <= quote.venue_time < 10**13
    assert quote.name is None or quote.name.encode()


def check_number(number: Decimal, most_decimals: int) -> None:
    sign, digits, exponent = number.as_tuple()
    assert sign == 0 and isinstance(exponent, int)
    assert -most_decimals <= exponent <= 0
    assert exponent == 0 or digits[-1] != 0
