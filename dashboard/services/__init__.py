"""Writes: keyword-only, one transaction each, raise rather than return False."""
