"""Plugs for frameworks and plain programs."""
