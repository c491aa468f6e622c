"""Made-up agents whose states look like real ones: text, messages, tool outputs, memory."""
