"""The JSON API. An endpoint makes one call inward."""
