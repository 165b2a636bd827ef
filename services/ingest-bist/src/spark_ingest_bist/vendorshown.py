"""What a vendor's answer became, for the eyes of who describes the vendor."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from pydantic.alias_generators import to_camel

from spark_ingest_bist.quotes import Answer, Quote

MOST_SHOWN: Final = 20
_ISTANBUL: Final = timezone(timedelta(hours=3))


def show(answer: Answer) -> None:
    """Print what came."""
    for quote in answer.quotes[:MOST_SHOWN]:
        print(f"  {_line(quote)}")
    if len(answer.quotes) > MOST_SHOWN:
        print(f"  and {len(answer.quotes) - MOST_SHOWN} more")
    for each in answer.malformed[:MOST_SHOWN]:
        print(f"  malformed {each.symbol or ''}: {each.error}: {each.detail}")
    if answer.absent:
        print(f"  not in the answer: {', '.join(answer.absent[:MOST_SHOWN])}")
    if answer.ignored:
        print(f"  ignored: {answer.ignored}, other types of frames, other markets, or symbols that were not asked for")


def _line(quote: Quote) -> str:
    told = [
        f"{to_camel(name)} {value:f}" if name != "name" else f"({value})"
        for name in quote.__struct_fields__
        if name not in {"symbol", "venue_time"} and (value := getattr(quote, name)) is not None
    ]
    at = quote.venue_time
    when = "no market time" if at is None else f"at {datetime.fromtimestamp(at / 1000, UTC).astimezone(_ISTANBUL)}"
    return f"{quote.symbol}  {'  '.join(told)}  {when}"


def show_age(quotes: Iterable[Quote], delay_min: float, now_ms: int) -> None:
    """Print how old the newest time of the market is: only who looks at it can tell whether the delay is true."""
    newest = max((quote.venue_time for quote in quotes if quote.venue_time is not None), default=None)
    if newest is not None:
        ago = (now_ms - newest) / 60_000
        print(f"the newest time is {ago:,.1f} min ago; while the market trades that is about the delay, {delay_min:g}")


def show_unmatched(lines: Iterable[str]) -> None:
    """Print what `spark_ingest_bist.unmatched` found."""
    for line in lines:
        print(f"  {line}")
