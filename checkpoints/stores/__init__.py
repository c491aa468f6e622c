"""Stores that agents save into, and the protocols that every store keeps."""
