"""Events to frames."""
