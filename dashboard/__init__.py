"""The web dashboard: an index of stores, and the operations that change them."""
