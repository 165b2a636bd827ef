"""What several tests need: real servers on free ports, a proxy with switches, and waiting under a deadline."""
