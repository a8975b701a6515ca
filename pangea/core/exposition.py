"""The text in which Prometheus reads metrics.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import math
from collections.abc import Iterable, Iterator
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})

Kind = Literal["gauge", "counter"]
#: The labels of a sample as text, and its value; one that is not finite is left out.
Sample = tuple[str, float]


def labels(**values: str) -> str:
    """Return labels as they stand in a line, whatever their *values* hold."""
    return ",".join(f'{name}="{v.translate(_ESCAPED)}"' for name, v in values.items())


def family(
    name: str, kind: Kind, meaning: str, samples: Iterable[Sample]
) -> Iterator[str]:
    """Yield the lines of one metric: nothing if there are no samples.

    An empty text passes on that a sample had no value, so that who writes the lines
    can pause meanwhile.
    """
    head = f"# HELP {name} {meaning.translate(_HELP)}\n# TYPE {name} {kind}\n"
    for said, value in samples:
        if not math.isfinite(value):
            yield ""
            continue
        shown = int(value) if value == int(value) else value
        series = f"{name}{{{said}}}" if said else name
        yield f"{head}{series} {shown!r}\n"
        head = ""
