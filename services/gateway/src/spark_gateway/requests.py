"""What a request asks for, checked: venue, symbols, channels, pace."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.datastructures import QueryParams

from spark_bus.cursor import Cursor, EntryId, parse
from spark_gateway.feed import Feed
from spark_gateway.past import TICKS, Asked
from spark_gateway.problems import Problem, bad_parameter, unknown
from spark_gateway.subscription import (
    ALL,
    CHANNELS,
    DEFAULT_CHANNELS,
    DEFAULT_THROTTLE_MS,
    THROTTLES_MS,
    Interest,
    Subscription,
    pace,
)

SYMBOL: Final = re.compile(r"[A-Za-z0-9_.\-]{1,40}")
MOST_SYMBOLS: Final = 1_000
_ACCEPTS_SYMBOLS: Final = f"up to {MOST_SYMBOLS} symbols such as BTC_TRY or THYAO, by comma, or * for all"
_ACCEPTS_INSTRUMENTS: Final = (
    f"up to {MOST_SYMBOLS} instruments such as btcturk:BTC_TRY, by comma; btcturk:* alone for all of a venue"
)
_ACCEPTS_SYMBOL: Final = "one symbol such as BTC_TRY or THYAO"
MOST_LEVELS: Final = 1_000
MOST_TRADES: Final = 1_000
DEFAULT_TRADES: Final = 50
MOST_TICKS: Final = 5_000
DEFAULT_TICKS: Final = 500
MOST_ALARMS: Final = 1_000
DEFAULT_ALARMS: Final = 100
LAST_MS: Final = 9_999_999_999_999
"""The latest time that is understood, in the year 2286."""
_ACCEPTS_TIME: Final = f"whole milliseconds UTC, 0 to {LAST_MS}"
_ACCEPTS_PAGE: Final = "the before of an earlier answer to the same question"
_ACCEPTS_THROTTLE: Final = f"whole milliseconds from 0 to {THROTTLES_MS[-1]}"


def venue_of(name: str, feeds: Mapping[str, Feed]) -> Feed:
    """Return the venue's feed. Raises Problem."""
    feed = feeds.get(name)
    if feed is None:
        raise unknown("venue", name, feeds)
    return feed


def one_symbol(text: str | None, feed: Feed) -> str:
    """Return a symbol of the venue. Raises Problem."""
    if text is None or not SYMBOL.fullmatch(text):
        raise bad_parameter("symbol", text or "", _ACCEPTS_SYMBOL)
    return _known(text, feed)


def symbols(text: str | None, feed: Feed) -> frozenset[str] | None:
    """Return symbols of the venue, None for all of them. Raises Problem."""
    return _symbols("symbol", (text or "").split(","), feed, _ACCEPTS_SYMBOLS)


def _symbols(parameter: str, names: list[str], feed: Feed, accepts: str) -> frozenset[str] | None:
    if names == [ALL]:
        return None
    if len(names) > MOST_SYMBOLS or not all(SYMBOL.fullmatch(name) for name in names):
        raise bad_parameter(parameter, ",".join(names), accepts)
    return frozenset(_known(name, feed) for name in names)


def _known(name: str, feed: Feed) -> str:
    """Refuse a name only against a known directory: without one, it may well be right."""
    if feed.instruments and name not in feed.instruments:
        raise unknown("symbol", name, feed.instruments)
    return name


def throttle(text: str | None) -> int:
    """Return the pace in ms. Raises Problem."""
    if text is None:
        return DEFAULT_THROTTLE_MS
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) > THROTTLES_MS[-1]:
        raise bad_parameter("throttle", text, _ACCEPTS_THROTTLE)
    return pace(int(text))


def channels(text: str | None, of: Sequence[str] = CHANNELS) -> frozenset[str]:
    """Return the channels, each one ``of`` these. Raises Problem."""
    names = DEFAULT_CHANNELS if text is None else text.split(",")
    if not all(name in of for name in names):
        raise bad_parameter("channel", text or "", f"channels by comma, of {', '.join(of)}")
    return frozenset(names)


def number(name: str, text: str, most: int) -> int:
    """Return a whole number from 1 to ``most``. Raises Problem."""
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= most:
        raise bad_parameter(name, text, f"a whole number from 1 to {most}")
    return int(text)


def once(query: QueryParams, name: str) -> str | None:
    """Return a parameter, None when it is not given. Raises Problem when it is given twice."""
    given = query.getlist(name)
    if len(given) > 1:
        raise bad_parameter(name, ",".join(given), "it is given once")
    return given[0] if given else None


def count(query: QueryParams, name: str, most: int) -> int | None:
    """Return a whole number from 1 to ``most``, None when it is not given. Raises Problem."""
    text = once(query, name)
    return None if text is None else number(name, text, most)


def history(feed: Feed, query: QueryParams) -> Asked:
    """Return what a question about the past asks for. Raises Problem."""
    symbol = one_symbol(once(query, "symbol"), feed)
    of = channels(listed(query, "channel") or ",".join(TICKS), TICKS)
    since, until = _time(query, "from"), _time(query, "to")
    if since is not None and until is not None and since > until:
        raise bad_parameter("to", str(until), f"a time not before from, which is {since}")
    last = count(query, "last", MOST_TICKS) or DEFAULT_TICKS
    return Asked(symbol, of, since, until, last, _before(feed, once(query, "before")))


def _time(query: QueryParams, name: str) -> int | None:
    text = once(query, name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,13}", text):
        raise bad_parameter(name, text, _ACCEPTS_TIME)
    return int(text)


def _before(feed: Feed, text: str | None) -> EntryId | None:
    if text is None:
        return None
    try:
        [cursor] = parse(text).values()
    except ValueError:  # BadCursor is one
        raise bad_parameter("before", text, _ACCEPTS_PAGE) from None
    position = feed.position
    assert position is not None  # noqa: S101, the venue is loaded
    if cursor[:2] != position[:2]:
        raise Problem(404, "No such page", "It is of another venue, or of an epoch that is over: ask without before")
    return _not_ahead(cursor, position)


def _not_ahead(cursor: Cursor, position: Cursor) -> EntryId:
    if cursor.entry > position.entry:
        raise Problem(503, "Not there yet", "This gateway has not come that far; ask again", retry_after_s=1)
    return cursor.entry


def subscription(feed: Feed, query: QueryParams) -> Subscription:
    """Return what the query of one venue's stream asks for. Raises Problem."""
    wanted = Interest(feed.venue, symbols(listed(query, "symbol"), feed), channels(listed(query, "channel")))
    return Subscription((wanted,), throttle(once(query, "throttle")))


def subscription_over_venues(feeds: Mapping[str, Feed], query: QueryParams) -> Subscription:
    """Return what the query of a stream over venues asks for. Raises Problem."""
    text = listed(query, "instrument") or ""
    names = text.split(",")
    if len(names) > MOST_SYMBOLS:
        raise bad_parameter("instrument", text, _ACCEPTS_INSTRUMENTS)
    by_venue: dict[str, list[str]] = {}
    for name in names:
        venue, colon, symbol = name.partition(":")
        if not colon:
            raise bad_parameter("instrument", text, _ACCEPTS_INSTRUMENTS)
        by_venue.setdefault(venue, []).append(symbol)
    of = channels(listed(query, "channel"))
    interests = [
        Interest(feed.venue, _symbols("instrument", wanted, feed, _ACCEPTS_INSTRUMENTS), of)
        for venue, wanted in sorted(by_venue.items())
        for feed in [venue_of(venue, feeds)]
    ]
    return Subscription(tuple(interests), throttle(once(query, "throttle")))


def listed(query: QueryParams, name: str) -> str | None:
    """Return a list by comma, which may also be given by repeating its name; None when it is not given."""
    return ",".join(query.getlist(name)) if name in query else None
