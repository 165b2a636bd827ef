"""The contract on Redis Streams: keys, publish, read, replay, resume."""
