"""Faults of Pangea's own that are known and not mended yet; empty is right."""

#: scenario → what Pangea does wrong there
FAULTS: dict[str, str] = {}
