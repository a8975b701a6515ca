"""Pangea: a distributed network monitor for private networks."""


def __getattr__(name: str) -> str:
    """Return ``__version__``, looked up when asked: the look costs 40 ms."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pangea")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"
