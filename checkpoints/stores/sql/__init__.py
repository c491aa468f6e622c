"""What stores in SQL have in common: their rows, and everything that can be done with them."""
