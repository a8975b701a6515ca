"""What is said of circuits: by who needs one, who carries it, and the coordinator.

The asking side chooses a positive number for each circuit; the other side of the same
link says it as a negative one. All of it came with version 2 of the mesh.
"""

from typing import Annotated

from msgspec import Meta

from pangea.mesh.message import Message

#: What a circuit may be called: also with the other sign it can be packed.
Number = Annotated[int, Meta(ge=-(1 << 53), le=1 << 53)]


class OpenCircuit(Message, frozen=True, array_like=True, tag=True):
    """Carry a circuit for me; a CircuitWindow is the answer, or a CloseCircuit.

    ``window`` is what may be sent to us at first.
    """

    since = 2
    circuit: Number
    window: int


class CircuitData(Message, frozen=True, array_like=True, tag=True):
    """Bytes of a circuit, opaque to whoever carries them."""

    since = 2
    circuit: Number
    data: bytes


class CircuitWindow(Message, frozen=True, array_like=True, tag=True):
    """So much more may be sent on a circuit, in the bytes of ``circuit_flow.cost``."""

    since = 2
    circuit: Number
    size: int


class CloseCircuit(Message, frozen=True, array_like=True, tag=True):
    """A circuit is refused, or has ended."""

    since = 2
    circuit: Number
    reason: str = ""


#: All of them.
CIRCUIT = OpenCircuit | CircuitData | CircuitWindow | CloseCircuit
