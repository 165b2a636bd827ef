"""Where a term as the venue's writer begins: what whoever wrote before has published."""

import structlog

from spark_bus.publisher import Claim
from spark_ingest_btcturk.channels import Subscription
from spark_ingest_btcturk.tape import Tape, ToPublish

_NEWCOMER_AFTER_MS = 60_000

logger = structlog.get_logger()


class Origin:
    """How far whoever wrote before us came, and when we took over (ms UTC)."""

    def __init__(self, claim: Claim, cause: str, at: int) -> None:
        self.claim = claim
        self.cause = cause
        self.at = at

    def known_until(self, subscription: Subscription, symbol: str | None, now: int | None = None) -> int | None:
        """Return up to when it is whole on the bus; None when nothing of it ever was there.

        One that was being waited for when the last writer ended is known only up to when it was heard. One that the
        last writer never heard, and that comes long after it, is newly listed.
        """
        published = self.claim.last.get(subscription.channel)
        if published is None or symbol is None:
            return published
        heard = self.claim.heard.get(f"{subscription.channel}:{symbol}")
        if heard is None:
            return None if now is not None and now - self.at > _NEWCOMER_AFTER_MS else published
        return min(published, heard)

    def resume(self, symbol: str, tape: Tape) -> ToPublish:
        """Let a tape go on after the last trade that was published."""
        mark = self.claim.marks.get(f"trade:{symbol}")
        try:
            return tape.resume(mark, self.cause)
        except ValueError as exc:  # nobody of ours wrote it; better trades again than none
            logger.error("the mark of the last trade cannot be read", symbol=symbol, error=str(exc))
            return tape.resume(None, self.cause)
