"""Pangea: a distributed network monitor for private networks."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("pangea")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
