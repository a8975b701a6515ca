"""All scenarios, and the table of what came out."""

from tests.oracle import (
    dns_scenarios,
    http_demand_scenarios,
    http_scenarios,
    routed_scenarios,
    tcp_scenarios,
    tls_scenarios,
)
from tests.oracle.scenario import COLUMNS, Said, Scenario, differing

SCENARIOS = (
    *http_scenarios.SCENARIOS,
    *http_demand_scenarios.SCENARIOS,
    *tls_scenarios.SCENARIOS,
    *tcp_scenarios.SCENARIOS,
    *dns_scenarios.SCENARIOS,
)
#: those that need a network with a router: see ``tests.probes.namespaces.routed``
ROUTED = routed_scenarios.SCENARIOS


class Table:
    """Rows of scenario, what either said and whether they agree."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str]] = []

    def add(self, scenario: Scenario, theirs: Said, ours: Said) -> None:
        """Note what came out of *scenario*."""
        apart = differing(theirs, ours)
        agree = "yes" if not apart else f"no: {', '.join(apart)}"
        self.rows.append((scenario.name, _cell(theirs), _cell(ours), agree))

    def __str__(self) -> str:
        head = ("scenario", "blackbox_exporter", "pangea", "agree")
        rows = [head, tuple("---" for _ in head), *self.rows]
        agreed = sum(agree == "yes" for *_, agree in self.rows)
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([*lines, "", f"{agreed} of {len(self.rows)} agree"])


def _cell(said: Said) -> str:
    failed = f"{said['outcome'] or 'failed'} ({said['cause']})"
    state = "ok" if said["success"] else failed
    rest = [
        f"{column} {said[column]}"
        for column in COLUMNS[1:]
        if column != "cause" and said[column] is not None
    ]
    return ", ".join([state, *rest])
