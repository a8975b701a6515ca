"""The mesh: how nodes find, prove and talk to each other; nothing else knows NaCl.

::

    worker                         one WebSocket, /mesh                  coordinator
      │  discovery: configured address, last good one, mDNS hint             │
      │ ── M1  "I hold the cluster secret", an ephemeral key ──────────────▶ │
      │ ◀─ M2  its ephemeral key, sealed: node key, signature, info ──────── │
      │        (only if that key is the pinned one:)                         │
      │ ── M3  sealed: node key, signature, info ──────────────────────────▶ │
      │ ── header of my stream ───────▶   ◀─────── header of my stream ───── │
      │ ◀─ Welcome: the final word of the admission ──────────────────────── │
      │ ◀═ sealed messages, both ways, until one says the last ════════════▶ │

Three things are apart and stay so. The cluster secret says *may talk to us*; the
Ed25519 node key says *is this node*; an address, from wherever, says nothing. The
handshake (`handshake`, with `transcript`, `first_message`, `info`) is a state
machine without I/O; `stream` seals what follows with two secretstreams; `link`
joins both to a `channel` of byte messages, which `dial` opens and the web server
accepts; `messages` is what is said. Either side may dial. Nothing is dispatched
before Welcome, which the coordinator sends whoever dialled, and between two peers
the one that was dialled. A refusal closes the channel without a word; how far it
had come tells the side that dialled what was not believed: the secret, or the node.

`identity`, `secret_ring` and `last_good` are the three small files of a node, all
0600; `rotation` says how secrets follow each other, and `ring_file` holds them while
a node runs. `discovery` only ever gives hints of an address. `limits` and `backoff` say
who may knock how often.
"""
