"""One file, one kind of question.

A probe asks its target once, through the engines in ``Tools``, and returns (the
target is well) or raises ProbeFailed or ProbeError. It never touches a timeout,
a retry, a clock, storage or logging: ``runner`` does, in one place.
"""
