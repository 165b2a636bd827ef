"""What every ingest has: terms as the writer of its venue, what it tells of them, and bounded questions over HTTP."""
