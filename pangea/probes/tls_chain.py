"""Looks for the way from a certificate to an authority that holds the longest."""

from collections.abc import Callable, Sequence

from .certificates import Facts

Chain = tuple[bytes, ...]
#: Given what was presented, the verified chain, or () if there is none.
Verify = Callable[[Chain], Chain]
Read = Callable[[Chain], tuple[Facts, ...]]

#: ways that are tried; servers send two at most
MAX_TRIES = 8


def ends(chain: Sequence[Facts]) -> float:
    """Return when *chain* ceases to hold: at its earliest expiry."""
    return min(facts.not_after for facts in chain)


def longest(presented: Chain, verified: Chain, verify: Verify, read: Read) -> Chain:
    """Return the verified chain that holds longest; *verified* is the first found.

    A server may send an authority twice, signed by an old root and by a new one.
    OpenSSL takes one of them, so the one that ends first is left away, and it is
    asked again, for as long as that helps.
    """
    best, left = verified, presented
    for _ in range(MAX_TRIES):
        facts = read(best)
        worst = min(range(len(best)), key=lambda at: facts[at].not_after)
        if worst == 0 or best[worst] not in left:
            break
        left = tuple(der for der in left if der != best[worst])
        other = verify(left)
        if not other or ends(read(other)) <= ends(facts):
            break
        best = other
    return best
