"""Instruments, messages and the wire format of Turkish market data. Pure: no I/O and no clock."""
