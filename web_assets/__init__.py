"""Templates and static files of the pages, read through ``importlib.resources``."""
