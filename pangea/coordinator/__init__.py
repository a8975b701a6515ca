"""The coordinator: admits workers, hands out jobs, judges, keeps and serves.

``board`` is what it knows, ``intake`` what it takes in, ``dispatch`` what it
hands out; ``service`` is how the web sees it, and ``coordinator`` wires them.
"""
