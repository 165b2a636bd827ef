"""The metrics that every process has."""

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector


def registry() -> CollectorRegistry:
    """Return a registry that tells of the process itself; a service adds its own to it."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    GCCollector(registry=made)
    return made
