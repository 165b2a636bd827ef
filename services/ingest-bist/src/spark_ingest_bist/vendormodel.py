"""What a vendor's file may say: its sections and keys, each with what it takes."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from spark_ingest_bist.moments import written
from spark_ingest_bist.templates import SYMBOL, SYMBOLS, Template, secret_name, texts_in
from spark_ingest_bist.vendorvalues import (
    Filled,
    Frame,
    Headers,
    HttpAddress,
    Path,
    SecretOnly,
    Text,
    Texts,
    WsAddress,
    ZoneName,
    several,
)

KEY: Final = "@key"
"""Where a row's symbol is the key that it stands under."""
ASKED: Final = "@asked"
"""Where a row does not name its symbol, since one alone was asked for."""
RECEIVE: Final = "receive"
IGNORE: Final = "ignore"

_EVERYTHING: Final = 100_000  # symbols: more than there are

Refusal = Literal["limited", "forbidden", "unknown", "unavailable", "rejected"]


def wrong(key: str, why: str) -> PydanticCustomError:
    """Return the error of a section that lies in one of its keys."""
    return PydanticCustomError("key", "{why}", {"key": key, "why": why})


class Section(BaseModel):
    """A mapping of the file: nothing but its keys is taken."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True, arbitrary_types_allowed=True
    )


class Fields(Section):
    """Where in a row each thing is. Volume is in shares, turnover in lira, for the day."""

    symbol: Path = Field(description="the path to the symbol, @key where rows stand under it, or @asked")
    price: Path | None = Field(default=None, description="the path to the last price")
    bid: Path | None = Field(default=None, description="the path to the best bid")
    ask: Path | None = Field(default=None, description="the path to the best ask")
    bid_size: Path | None = Field(default=None, description="the path to the size at the best bid")
    ask_size: Path | None = Field(default=None, description="the path to the size at the best ask")
    volume: Path | None = Field(default=None, description="the path to the day's volume in shares")
    turnover: Path | None = Field(default=None, description="the path to the day's turnover in lira")
    high: Path | None = Field(default=None, description="the path to the day's high")
    low: Path | None = Field(default=None, description="the path to the day's low")
    open: Path | None = Field(default=None, description="the path to the day's first price")
    previous_close: Path | None = Field(default=None, description="the path to the previous close")
    reference_price: Path | None = Field(default=None, description="the path to the reference (base) price")
    vwap: Path | None = Field(default=None, description="the path to the day's average price")
    change_pct: Path | None = Field(default=None, description="the path to the day's change in percent")
    lower_limit: Path | None = Field(default=None, description="the path to the day's lowest possible price")
    upper_limit: Path | None = Field(default=None, description="the path to the day's highest possible price")
    name: Path | None = Field(default=None, description="the path to the instrument's name")


class Time(Section):
    """Where the market's own time is; without any of it there is none, and the time of receipt has to do."""

    field: Path | None = Field(default=None, description="the path to a field that holds the whole time")
    date: Path | None = Field(default=None, description="the path to the date, with time")
    time: Path | None = Field(default=None, description="the path to the time of the day, with date")
    format: str = Field(
        default="iso", description="seconds, milliseconds (since 1970), iso, or a pattern like %d/%m/%Y %H:%M:%S"
    )

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: object) -> object:
        if value == RECEIVE:
            return {}
        if not isinstance(value, dict) or not value:
            raise ValueError("it is neither the word receive nor keys such as field and format")
        if not {"field", "date", "time"} & set(value):
            raise ValueError("it names no field; without a time write receive")
        return value

    @model_validator(mode="after")
    def _whole(self) -> "Time":
        if self.field is not None and (self.date or self.time):
            raise wrong("field", "there are field and date or time; one field or two, not three")
        if bool(self.date) != bool(self.time):
            given, lacking = ("date", "time") if self.date else ("time", "date")
            raise wrong(given, f"{given} needs {lacking}: a moment is never guessed; if there is none, write receive")
        if self.format in {"seconds", "milliseconds"}:
            if self.date:
                raise wrong("format", f"{self.format} come in one field")
        elif self.format != "iso":
            try:
                written(self.format, ZoneInfo("UTC"))
            except ValueError as exc:
                raise wrong("format", f"{self.format!r}: {exc}") from exc
        return self

    @property
    def told(self) -> bool:
        """Whether the vendor tells a time."""
        return self.field is not None or self.date is not None


Only = dict[Text, Texts]


class Shape(Section):
    """Where in an answer or frame the rows are, and what is where in each."""

    rows: Path = Field(
        default=(), description="the path to the list of rows, or to the one row; without it the whole answer"
    )
    fields: Fields = Field(description="where in a row each thing is, such as symbol: s and price: p")
    time: Time = Field(description="receive, or where the market's time is: field and format, or date, time and format")
    only: Only = Field(default={}, description="fields and the values that are wanted, such as Market: [IMKBH]")


class Basic(Section):
    """HTTP's basic authentication."""

    user: SecretOnly = Field(description="the user's name, or {secret.NAME}")
    password: SecretOnly = Field(description="{secret} or {secret.NAME}")


class Call(Section):
    """A request."""

    url: HttpAddress = Field(description="an address, https://…")
    method: Literal["GET", "POST"] | None = Field(
        default=None, description="GET or POST; without it, POST if there is a body"
    )
    headers: Headers = Field(default={}, description="names and values, such as authorization: apikey {secret}")
    query: dict[Text, Filled] = Field(
        default={}, description="names and values; {symbol} repeats its name for each symbol, {symbols} is a comma list"
    )
    basic: Basic | None = Field(default=None, description="user and password")
    body: Frame = Field(default=None, description="text, or what is to be sent as JSON")

    @model_validator(mode="after")
    def _sendable(self) -> "Call":
        if self.body is not None and self.method == "GET":
            raise wrong("body", "a GET has none; write method: POST, or leave it out")
        if self.basic is not None and any(name.lower() == "authorization" for name in self.headers):
            raise wrong("basic", "there is an authorization header too")
        return self

    @property
    def places(self) -> set[str]:
        """The names of all that is filled in."""
        texts = [self.url.text, *(value.text for value in self.query.values()), *texts_in(self.body)]
        return {name for text in texts for name in Template(text).names}


class Poll(Call, Shape):
    """A source that is asked."""

    batch: int | None = Field(
        default=None, ge=1, le=_EVERYTHING, description="symbols a request, a whole number above 0"
    )
    interval: float = Field(default=10.0, ge=1, le=86_400, description="seconds between two rounds, 1 to 86400")
    given_timeout: float | None = Field(
        default=None, alias="timeout", gt=0, le=120, description="seconds to wait for an answer, less than the interval"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Poll":
        if self.fields.price is None:
            raise wrong("fields", "it lacks price")
        if self.given_timeout is not None and self.given_timeout >= self.interval:
            raise wrong("timeout", f"{self.given_timeout:g} s is not less than the interval of {self.interval:g} s")
        if {SYMBOL, SYMBOLS} <= self.places:
            raise wrong("url", "{symbol} and {symbols} are both in the request; one of them says what is asked for")
        if self.batch is not None and not self.names_symbols:
            raise wrong("batch", "the request names no symbol, so that all come at once; where does {symbols} go?")
        if self._names_one and (self.batch or 1) > 1:
            raise wrong("batch", "one request has one place for {symbol}; write {symbols}, or put it into query")
        if self.fields.symbol == (ASKED,) and self.most_symbols != 1:
            raise wrong("fields", "symbol: @asked needs requests for one symbol each, with {symbol} or batch: 1")
        return self

    @property
    def names_symbols(self) -> bool:
        """Whether a request names what it asks for; else an answer holds everything."""
        return bool({SYMBOL, SYMBOLS} & self.places)

    @property
    def _names_one(self) -> bool:
        return any(SYMBOL in Template(text).names for text in [self.url.text, *texts_in(self.body)])

    @property
    def most_symbols(self) -> int:
        """How many symbols one request may name."""
        if not self.names_symbols:
            return _EVERYTHING
        return 1 if self._names_one else self.batch or 20

    @property
    def timeout_s(self) -> float:
        """How long to wait for an answer."""
        return self.given_timeout or min(10.0, self.interval / 2)


class Listing(Call):
    """Where the vendor lists its symbols, for SPARK_BIST_SYMBOLS=*."""

    rows: Path = Field(default=(), description="the path to the list; without it the whole answer")
    symbol: Path = Field(description="the path to the symbol in a row, @key, or @row where a row is the symbol itself")
    name: Path | None = Field(default=None, description="the path to the instrument's name")
    only: Only = Field(default={}, description="fields and the values that are wanted")

    @model_validator(mode="after")
    def _plain(self) -> "Listing":
        if {SYMBOL, SYMBOLS} & self.places:
            raise wrong("url", "a list of all symbols can name none; only {secret} can be filled in")
        return self


class Beat(Section):
    """What keeps a connection alive."""

    send: Frame = Field(description="text, or what is to be sent as JSON")
    every: float = Field(gt=0, le=86_400, description="seconds, up to 86400")

    @model_validator(mode="after")
    def _plain(self) -> "Beat":
        if any(secret_name(name) is None for text in texts_in(self.send) for name in Template(text).names):
            raise wrong("send", "only {secret} can be filled in here")
        return self


def _ignored(value: object) -> object:
    return None if value == IGNORE else value


class Ws(Section):
    """A source that sends by itself, over a WebSocket."""

    url: WsAddress = Field(description="an address, wss://…")
    headers: Headers = Field(default={}, description="names and values, such as authorization: Bearer {secret}")
    basic: Basic | None = Field(default=None, description="user and password")
    subscribe: Annotated[tuple[Frame, ...], BeforeValidator(several)] = Field(
        default=(), description="what to send once connected: text or JSON, or a list of such; {symbols} is filled in"
    )
    batch: int = Field(default=100, ge=1, le=_EVERYTHING, description="symbols in one frame, a whole number above 0")
    all: Text | None = Field(
        default=None, description="the word for all symbols, such as ALL, sent where more than batch are wanted"
    )
    heartbeat: Beat | None = Field(default=None, description="send and every")
    idle: float = Field(
        default=60.0, ge=1, le=3600, description="seconds without any frame until it is taken for dead, 1 to 3600"
    )
    type: Path | None = Field(default=None, description="the path to the frame's type")
    messages: dict[Text, Annotated[Shape | None, BeforeValidator(_ignored)]] = Field(
        default={}, description="for each type the word ignore, or rows, fields, time and only"
    )
    rows: Path = Field(
        default=(), description="the path to the list of rows, or to the one row; without it the whole frame"
    )
    fields: Fields | None = Field(default=None, description="where in a row each thing is, when all frames are alike")
    time: Time | None = Field(
        default=None, description="receive, or where the market's time is, when all frames are alike"
    )
    only: Only = Field(default={}, description="fields and the values that are wanted, when all frames are alike")

    @model_validator(mode="after")
    def _consistent(self) -> "Ws":
        if self.type is None:
            if self.messages:
                raise wrong("messages", "they need type: the path to a frame's type")
            if self.fields is None or self.time is None:
                raise wrong("fields" if self.fields else "url", "it lacks type and messages, or fields and time")
        elif self.fields is not None or self.time is not None or self.rows or self.only:
            raise wrong("type", "with types, rows, fields, time and only belong under messages, to each type")
        if all(shape.fields.price is None for shape in self.shapes.values() if shape is not None):
            raise wrong("messages" if self.messages else "fields", "no frame has a price")
        if any(shape.fields.symbol == (ASKED,) for shape in self.shapes.values() if shape is not None):
            raise wrong("messages" if self.messages else "fields", "@asked is for requests; a frame names its symbol")
        if self.basic is not None and any(name.lower() == "authorization" for name in self.headers):
            raise wrong("basic", "there is an authorization header too")
        return self

    @property
    def shapes(self) -> Mapping[str | None, Shape | None]:
        """By type, what a frame of it looks like, None for one to ignore; under None, when all are alike."""
        if self.fields is not None and self.time is not None:
            # What it is made of has been checked.
            return {None: Shape.model_construct(rows=self.rows, fields=self.fields, time=self.time, only=self.only)}
        shapes: dict[str | None, Shape | None] = {}
        shapes.update(self.messages.items())
        return shapes

    @property
    def names_symbols(self) -> bool:
        """Whether the subscription names what it asks for."""
        return any({SYMBOL, SYMBOLS} & set(Template(text).names) for text in texts_in(list(self.subscribe)))


class Symbols(Section):
    """How the vendor spells THYAO."""

    prefix: str = Field(default="", description="what stands before it, such as 'BIST:'")
    suffix: str = Field(default="", description="what stands after it, such as .IS")
    case: Literal["upper", "lower"] = Field(default="upper", description="upper or lower")
    map: dict[Text, Text] = Field(default={}, description="our symbols and the vendor's, such as XU100: BIST100")

    @model_validator(mode="after")
    def _one_to_one(self) -> "Symbols":
        if len({theirs.upper() for theirs in self.map.values()}) < len(self.map):
            raise wrong("map", "two of ours have the same one of theirs")
        return self


class Numbers(Section):
    """How the vendor writes numbers as texts."""

    decimal: Literal[".", ","] = Field(default=".", description="'.' or ','")
    thousands: Literal["", ".", ",", " ", "'"] = Field(default="", description="'.', ',', ' ', or \"'\"")
    none: Annotated[tuple[str, ...], BeforeValidator(several)] = Field(
        default=(), description="texts that stand for no number, such as '-'; the empty one does anyway"
    )

    @model_validator(mode="after")
    def _apart(self) -> "Numbers":
        if self.decimal == self.thousands:
            raise wrong("thousands", "it is the decimal point as well")
        return self


class Plausible(Section):
    """What to do with what cannot be."""

    bid_over_ask: Literal["swap", "drop"] = Field(default="drop", description="swap or drop")
    within: float | None = Field(
        default=None, gt=0, le=1000, description="percent that a price may be away from the previous close"
    )


class Success(Section):
    """What an answer says when it is one."""

    path: Path = Field(description="the path to the field")
    is_: Texts = Field(alias="is", description="the value, or a list of values, of an answer that is one")


class Errors(Section):
    """How the vendor says no."""

    statuses: dict[Annotated[int, Field(ge=300, le=599)], Refusal] = Field(
        default={}, description="HTTP statuses and limited, forbidden, unknown, unavailable or rejected"
    )
    code: Path | None = Field(default=None, description="the path to the error's code")
    text: Path | None = Field(default=None, description="the path to the error's text")
    names: dict[Text, Refusal] = Field(
        default={}, description="the vendor's codes and limited, forbidden, unknown, unavailable or rejected"
    )
    success: Success | None = Field(default=None, description="path and is")

    @model_validator(mode="after")
    def _reachable(self) -> "Errors":
        if self.names and self.code is None:
            raise wrong("names", "they need code: the path to the error's code")
        return self


class Vendor(Section):
    """A licensed source, as its file describes it."""

    vendor: str = Field(min_length=1, max_length=60, description="the vendor's name, for logs")
    licence: str = Field(min_length=1, description="who may see the data, and by what contract")
    quality: str | None = Field(default=None, description="a word on the data for the log, such as level 1, delayed")
    delay: float = Field(ge=0, le=1440, description="minutes that the data is behind the market, 0 for real-time")
    zone: ZoneName = Field(
        default="Europe/Istanbul", description="the zone of times that name none, such as Europe/Istanbul"
    )
    symbols: Symbols = Field(default=Symbols(), description="prefix, suffix, case and map")
    numbers: Numbers = Field(default=Numbers(), description="decimal, thousands and none")
    plausible: Plausible = Field(default=Plausible(), description="bidOverAsk and within")
    errors: Errors = Field(default=Errors(), description="statuses, code, text, names and success")
    poll: Poll | None = Field(default=None, description="url, rows, fields, time and more")
    ws: Ws | None = Field(default=None, description="url, subscribe, messages and more")
    list: Listing | None = Field(default=None, description="url, rows and symbol")

    @model_validator(mode="after")
    def _something(self) -> "Vendor":
        if self.poll is None and self.ws is None:
            raise wrong("vendor", "there is neither poll nor ws, so that nothing can come")
        names = self.secret_names
        if "" in names and len(names) > 1:
            raise wrong("vendor", "there are {secret} and {secret.NAME}; give every secret a name, or have only one")
        return self

    @property
    def secret_names(self) -> set[str]:
        """The secrets that it refers to; the empty name is the one that stands alone."""
        return _secrets_in(self.model_dump())

    @property
    def header_secret_names(self) -> set[str]:
        """Those of them that go into a header as they are."""
        parts = [part for part in (self.poll, self.ws, self.list) if part is not None]
        return _secrets_in([value.text for part in parts for value in part.headers.values()])

    @property
    def delay_ms(self) -> int:
        """How far the data is behind the market."""
        return round(self.delay * 60_000)

    @property
    def lists(self) -> bool:
        """Whether all its symbols can be had without naming them."""
        if self.list is not None or (self.poll is not None and not self.poll.names_symbols):
            return True
        return self.ws is not None and (self.ws.all is not None or not self.ws.names_symbols)


def _secrets_in(value: object) -> set[str]:
    places = (name for text in texts_in(value) for name in Template(text).names)
    return {name for place in places if (name := secret_name(place)) is not None}


def sections(annotation: object) -> Sequence[type[Section]]:
    """Return the sections that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in sections(part)]
