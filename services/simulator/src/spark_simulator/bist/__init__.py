"""Borsa İstanbul in a box: a market that keeps sessions, and the sources that tell of it."""
