"""The venues that the platform knows, by the names they have in settings, keys, routes and messages."""

from typing import Final

VENUES: Final = ("btcturk", "bist")
"""Crypto around the clock, and Borsa İstanbul's equities. A new venue is added here first."""
