"""Requests and frames as a vendor's file writes them, filled in."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from spark_ingest_bist.secretvalues import Secrets
from spark_ingest_bist.sources import Request
from spark_ingest_bist.templates import SYMBOL, SYMBOLS, Template, filled_json, secret_name
from spark_ingest_bist.vendormodel import Basic, Call

_ORIGIN = re.compile(r"([a-z]+)://[^/?#]+")
_SAFE = ",:"


class Filler:
    """Fills in secrets and symbols, and puts another address in place of the vendor's where a test needs one."""

    def __init__(self, secrets: Secrets, base: str | None) -> None:
        """``base`` replaces scheme and host of every address, ws for http where it is a WebSocket's."""
        self._secrets = secrets
        self._base = None if base is None else base.rstrip("/")

    def request(self, call: Call, symbols: Sequence[str]) -> Request:
        """Return the request for ``symbols``, which are in the vendor's spelling."""
        url = self.address(call.url, symbols)
        pairs = [(name, value) for name, item in call.query.items() for value in self._values(item, symbols)]
        if pairs:
            url += ("&" if "?" in url else "?") + urlencode(pairs, safe=_SAFE, quote_via=quote)
        headers = self.headers(call.headers, call.basic)
        body = None if call.body is None else self.frame(call.body, symbols).encode()
        if isinstance(call.body, dict | list) and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        method = call.method or ("GET" if body is None else "POST")
        return Request(url, f"{method} {self.shown(call.url)}", method, headers, body)

    def address(self, url: Template, symbols: Sequence[str] = ()) -> str:
        """Return an address, all in it quoted; it may hold a secret."""
        template = Template(self._rebased(url.text))
        return template.filled(lambda name: quote(self._value(name, symbols), safe=_SAFE))

    def shown(self, url: Template) -> str:
        """Return an address for logs: nothing filled in, and without its query."""
        return self._rebased(url.text).partition("?")[0]

    def headers(self, given: Mapping[str, Template], basic: Basic | None) -> dict[str, str]:
        """Return headers; they may hold a secret."""
        headers = {name: value.filled(lambda place: self._value(place, ())) for name, value in given.items()}
        if basic is not None:
            user, password = (
                part.filled(lambda place: self._value(place, ())) for part in (basic.user, basic.password)
            )
            headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        return headers

    def frame(self, frame: Any, symbols: Sequence[str]) -> str:
        """Return what is to be sent, text as it is and all else as JSON; it may hold a secret."""
        if isinstance(frame, str):
            return Template(frame).filled(lambda name: self._value(name, symbols))
        return json.dumps(
            filled_json(frame, lambda name: self._value(name, symbols), list(symbols)),
            ensure_ascii=False,
            separators=(",", ":"),
        )

    def _values(self, template: Template, symbols: Sequence[str]) -> list[str]:
        """Return a query's value, or one for each symbol where it names one."""
        if SYMBOL not in template.names:
            return [template.filled(lambda name: self._value(name, symbols))]
        return [template.filled(lambda name, one=symbol: self._value(name, [one])) for symbol in symbols]  # type: ignore[misc]

    def _value(self, name: str, symbols: Sequence[str]) -> str:
        secret = secret_name(name)
        if secret is not None:
            return self._secrets[secret]
        if name == SYMBOLS:
            return ",".join(symbols)
        return symbols[0] if symbols else ""

    def _rebased(self, url: str) -> str:
        if self._base is None:
            return url
        base = re.sub("^http", "ws", self._base) if url.startswith("ws") else self._base
        return _ORIGIN.sub(lambda _: base, url, count=1)
