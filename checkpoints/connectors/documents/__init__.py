"""What connectors to folders of documents share."""
