"""Borsa İstanbul, from whichever source may be used, normalised onto the bus."""
