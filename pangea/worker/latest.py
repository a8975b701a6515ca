"""The last result of each job, for when results themselves cannot be sent."""

from pangea.storage.spool import Row

#: A result that is older than this is on its way, if acks come at all.
ON_ITS_WAY_S = 5.0


class Latest:
    """Holds one row a job, in two generations; ``flows`` lets the older one go."""

    def __init__(self) -> None:
        self._new: dict[int, Row] = {}
        self._old: dict[int, Row] = {}
        self._turned = 0.0

    def put(self, row: Row) -> None:
        """Take the newest row of its job."""
        self._new[row.job] = row

    def flows(self, now: float) -> None:
        """Note that results are taken at *now* (monotonic), so they say it all."""
        if now - self._turned >= ON_ITS_WAY_S:
            self._turned = now
            self._old, self._new = self._new, {}

    def take(self) -> list[Row]:
        """Return what was put and not taken yet, and forget it."""
        rows = list((self._old | self._new).values())
        self._old, self._new = {}, {}
        return rows
