"""What every service has: settings, logs, metrics, health, lifecycle and back-off."""
