"""SQLite files that somebody else writes: opening them without trust, giving back their space."""
