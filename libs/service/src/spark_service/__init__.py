"""What every service has: settings, logs, metrics, health, lifecycle and back-off."""

from importlib.metadata import version as _version


def version() -> str:
    """Return the platform's version."""
    return _version("spark-service")
