"""The store in a folder: files that people can read, and a journal."""
