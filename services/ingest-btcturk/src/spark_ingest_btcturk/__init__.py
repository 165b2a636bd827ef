"""BtcTurk's public feed, normalised onto the bus."""
