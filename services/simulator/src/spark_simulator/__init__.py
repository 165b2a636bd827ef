"""The venues in a box: real sockets, seeded prices, and faults on demand."""
