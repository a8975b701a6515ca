"""The worker: takes assignments, probes, spools, reports.

It goes on with its last assignments when no coordinator can be reached, also
after its own restart, and forgets a result only when it is safe elsewhere.
"""
