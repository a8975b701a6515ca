"""The command line: options in, text out; one file per group of commands.

Nothing heavy is imported before a command needs it, so that ``--help`` is
instant: the commands are in ``main.COMMANDS``, imported on use, and a client
command speaks HTTP with the standard library alone.
"""
