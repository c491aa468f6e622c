"""Durable checkpoints for agents."""
