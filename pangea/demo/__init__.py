"""A network that does not exist, watched by a real cluster, to look at Pangea.

Targets of our own go down, answer slowly and let a certificate run out; one of five
workers is cut off from them for a while. All of it is on loopback, in a temporary
directory that is gone afterwards.
"""
