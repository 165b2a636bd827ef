"""How a vendor says no: by status, by a code in the answer, or by a flag that says it went well."""

from typing import Any, Final

from spark_ingest_bist.jsontext import ABSENT, find, said, shown
from spark_ingest_bist.quotes import Refused
from spark_ingest_bist.secretvalues import Secrets
from spark_ingest_bist.vendormodel import Errors

_BY_STATUS: Final = {
    401: "forbidden",
    402: "forbidden",
    403: "forbidden",
    404: "unknown",
    408: "unavailable",
    429: "limited",
}
_REJECTED: Final = "rejected"


def by_status(status: int) -> str:
    """Return what a status means where nobody said otherwise."""
    return _BY_STATUS.get(status, "unavailable" if status >= 500 else _REJECTED)


class Refusals:
    """Knows a vendor's errors."""

    def __init__(self, errors: Errors, secrets: Secrets) -> None:
        self._errors = errors
        self._secrets = secrets

    def check_status(self, status: int, answer: Any) -> None:
        """Raise Refused for a status that is no success, with the vendor's own words in ``answer`` (None: unread)."""
        if 200 <= status < 300:
            return
        code = self._at(answer, self._errors.code)
        error = self._errors.names.get(code or "") or self._errors.statuses.get(status) or by_status(status)
        raise Refused(error, self._detail(f"status {status}", code, answer))

    def check(self, answer: Any, *, flagged: bool) -> None:
        """Raise Refused for an answer that is an error; ``flagged``: without the flag of a success it is one."""
        code = self._at(answer, self._errors.code)
        error = self._errors.names.get(code or "")
        success = self._errors.success
        if success is not None:
            flag = find(answer, success.path)
            # What is no object is no answer at all, which is for who reads the rows to find.
            flagged = flagged and isinstance(answer, dict)
            well = said(flag) in success.is_ if flag is not ABSENT else not flagged
            if well and error is None:
                return
        elif code is None:
            return
        raise Refused(error or _REJECTED, self._detail("an error in place of data", code, answer))

    def _at(self, answer: Any, path: tuple[str, ...] | None) -> str | None:
        return None if path is None else said(find(answer, path))

    def _detail(self, what: str, code: str | None, answer: Any) -> str:
        words = [what, code, self._at(answer, self._errors.text)]
        return shown(self._secrets.scrubbed(": ".join(word for word in words if word)), 300)
