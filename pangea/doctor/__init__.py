"""Why does it not work here? Each check is a row that says what to do next.

The doctor changes nothing, and with discovery ``static`` it sends nothing but to the
coordinators that it is told of.
"""
