"""Numbered scripts that bring a database from any past version to this one."""
