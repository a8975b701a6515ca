"""Words and pure rules.

Nothing here does input or output, reads a clock, or imports a library other
than msgspec: decisions take values, ``now`` included, and return values.
"""
