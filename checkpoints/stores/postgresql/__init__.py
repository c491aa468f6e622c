"""The store in PostgreSQL, for agents on many machines."""
