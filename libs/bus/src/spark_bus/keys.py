"""The names of everything on the bus. All keys of a venue share a hash tag: one slot of a Redis Cluster."""


def messages(venue: str) -> str:
    """Stream of all messages of a venue: fields ``k`` (type), ``s`` (symbol or empty), ``d`` (the message, JSON)."""
    return f"spark:{{{venue}}}:messages"


def latest(venue: str) -> str:
    """Hash of current values, ``ticker:BTC_TRY`` or ``book:BTC_TRY`` to as-of stream id, space, message."""
    return f"spark:{{{venue}}}:latest"


def epoch(venue: str) -> str:
    """String: the random id of the stream's unbroken life."""
    return f"spark:{{{venue}}}:epoch"


def writer(venue: str) -> str:
    """Hash: who may write, until when, its last batch number with its reply, and how far what was published goes."""
    return f"spark:{{{venue}}}:writer"


def instruments(venue: str) -> str:
    """Hash of symbol to instrument, JSON."""
    return f"spark:{{{venue}}}:instruments"


def heard(venue: str) -> str:
    """Hash of ``channel:symbol`` to when it was last heard (ms), unchanged repeats included."""
    return f"spark:{{{venue}}}:heard"


def feed(venue: str) -> str:
    """String: the state of the venue's ingest, JSON."""
    return f"spark:{{{venue}}}:feed"


def verdict(venue: str) -> str:
    """String with an expiry: the monitor's ``status`` message."""
    return f"spark:{{{venue}}}:verdict"


def rhythm(venue: str) -> str:
    """Hash: what the monitor has learned of each subscription's gaps, and what it found mute."""
    return f"spark:{{{venue}}}:rhythm"


ALARMS = "spark:alarms"
"""Stream of all venues' alarms: field ``d``, the ``alarm`` message, JSON."""

OPEN_ALARMS = "{spark:alarms}:open"
"""Hash of alarm id to the ``alarm`` message that raised or last changed it. In one slot with the stream."""
