"""How much is drained."""

STORES = 5
KINDS = {"restore": 8, "fork": 6, "prune": 4, "erase": 1, "verify": 1}
"""How many operations of each kind are asked for in each store, each on a thread of its own."""
SAVES = 3
"""Checkpoints that each thread has."""
