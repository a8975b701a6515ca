"""Does this program work here? Every part is used once, against servers of our own.

All of it is on loopback and in a temporary directory; nothing else is touched.
"""
