"""The error meant for the person who runs the probe."""


class ProbeError(Exception):
    """What is wrong, where, and what to do about it: shown as one line, without a traceback."""
