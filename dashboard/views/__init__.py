"""Pages. A view makes one call inward."""
