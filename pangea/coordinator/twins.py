"""Two machines with one identity: a cloned disk or state directory.

Of two live processes with one key the one that came later stays. That there are two
is proven when the earlier one comes back while the later one is here: a process
that was merely restarted never does.
"""

from pangea.core.process_order import ProcessOrder
from pangea.core.text import safe_text

#: How long a proof is shown.
SHOWN_S = 600.0

REFUSAL = (
    "another machine uses the identity of this one, and came later: was this disk or "
    "state directory cloned? on the copy, remove node.key and spool.db*"
)


class Twins:
    """Knows in which order the processes of each worker came."""

    def __init__(self) -> None:
        self._order = ProcessOrder()
        self._proofs: dict[int, tuple[float, str]] = {}

    def may_come(
        self, worker: int, boot: str, here: str, address: str, now: float
    ) -> bool:
        """Tell whether the process *boot* may link while *here* is linked ("": none).

        *now* is monotonic, in seconds; *address* is where it comes from.
        """
        if self._order.may_come(worker, boot, here):
            return True
        self._proofs[worker] = (now, address)
        return False

    def proof(self, worker: int, now: float) -> str:
        """Return a sentence if two machines were seen as *worker* lately, else ""."""
        at, address = self._proofs.get(worker, (-SHOWN_S, ""))
        if now - at >= SHOWN_S:
            return ""
        return (
            "two machines use this identity: the one at "
            f"{safe_text(address, 60)} is refused (a cloned state directory?)"
        )

    def forget(self, worker: int) -> None:
        """Drop what is known of *worker*."""
        self._order.forget(worker)
        self._proofs.pop(worker, None)
