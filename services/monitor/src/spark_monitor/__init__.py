"""Judges whether each feed can be believed right now, and says so."""
