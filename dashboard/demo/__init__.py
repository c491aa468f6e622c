"""Live demo agents: real loops that save through the SDK, so that every page has something true."""
