"""One process tree on one machine: the web server, the worker and, on request, the demo."""
