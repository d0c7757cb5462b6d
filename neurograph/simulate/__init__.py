"""The clock-driven simulator: a circuit's tape as a table of compiled kernels that a driver steps through."""
