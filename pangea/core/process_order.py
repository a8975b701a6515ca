"""In which order the processes of one node came, told by their boots."""

from collections.abc import Hashable

#: Processes of one node that are remembered.
REMEMBERED = 8


class ProcessOrder:
    """Remembers the processes of each node in the order in which they came.

    A process that was restarted never comes back; one that comes back while a later
    one is here proves that two of them live.
    """

    def __init__(self) -> None:
        self._boots: dict[Hashable, list[str]] = {}

    def may_come(self, node: Hashable, boot: str, here: str) -> bool:
        """Tell whether the process *boot* may come while *here* is there ("": none).

        It may not if *here* came later than it did.
        """
        boots = self._boots.setdefault(node, [])
        if boot and boot not in boots:
            boots.append(boot)
            del boots[:-REMEMBERED]
        if not here or here == boot or here not in boots or boot not in boots:
            return True
        return boots.index(boot) > boots.index(here)

    def nodes(self) -> set[Hashable]:
        """Return the nodes of which something is known."""
        return set(self._boots)

    def forget(self, node: Hashable) -> None:
        """Drop what is known of *node*."""
        self._boots.pop(node, None)
