"""What LangGraph's stores have in common, whatever database they lie in."""
