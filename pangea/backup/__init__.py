"""Backups: all that a coordinator is, in one sealed file, and back again."""
