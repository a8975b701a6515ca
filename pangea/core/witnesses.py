"""Who is asked about a node that went silent, and what their answers mean.

Pure, as `liveness` is, which takes the result: `liveness.vouch` when a witness has
heard the node.
"""

from collections.abc import Iterable, Mapping, Sequence

from .liveness import Presence, Sight

#: So many peers are asked about one that is silent, and again so often, in seconds.
WITNESSES = 2
ASK_AGAIN_S = 5.0
#: So long is waited for their word.
ANSWER_S = 2.0
#: A word for a node is shown for so long.
SHOWN_S = 20.0


def doubtful(
    sights: Mapping[int, Sight], asked: Mapping[int, float], now: float
) -> list[int]:
    """Return the nodes that somebody is to be asked about at *now*.

    They are suspect, and were not *asked* about a moment ago. One that is lost
    comes back by itself, and one that is linked speaks for itself.
    """
    return [
        node
        for node, sight in sights.items()
        if sight.presence is Presence.SUSPECT
        and now - asked.get(node, float("-inf")) >= ASK_AGAIN_S
    ]


def witnesses(
    node: int,
    linked_to: Sequence[int],
    sights: Mapping[int, Sight],
    regions: Mapping[int, str],
) -> list[int]:
    """Return whom to ask about *node*: at most two, from two regions if possible.

    *linked_to* are those that have a link to it, the best first; only who is
    linked here itself can answer.
    """
    able = [
        peer
        for peer in dict.fromkeys(linked_to)
        if peer != node and peer in sights and sights[peer].presence is Presence.LINKED
    ]
    first, rest = able[:1], able[1:]
    elsewhere = [p for p in rest if regions.get(p) != regions.get(able[0])]
    near = [p for p in rest if p not in elsewhere]
    return [*first, *elsewhere, *near][:WITNESSES]


def whose_word(answers: Iterable[tuple[int, bool | None]]) -> int | None:
    """Return the first witness that has heard the node, None if nobody did.

    One who did not answer (None) has not heard it; one yes outweighs all no.
    """
    return next((witness for witness, heard in answers if heard), None)
