"""Reads: rows or small frozen pages, with a counted number of queries."""
