"""What is remembered: the coordinator's database and the worker's spool.

``database.Store`` runs plain synchronous functions off the event loop: writes one
after the other in one thread, a group of them to a commit, reads in a small pool.
Those functions stand in the file of their noun (``jobs``, ``results``, …), take
and return the types of ``pangea.core`` and may be called in no other way::

    await store.write(lambda: jobs.add(job))

The hot path is an append-only table without a secondary index, because an index
by series and time was measured to write a hundred times the bytes. What must be
found quickly is found by other means: the first rows of each minute (``results``),
the recent past in memory (``recent``), sums over time (``rollups``).
"""
