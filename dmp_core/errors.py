"""Refusals of the DMP. Each is one French sentence that says what is wrong and what to do, without secret or NIR."""


class DmpError(Exception):
    """A refusal that a person reads: `str(error)` is the sentence."""


class Invalid(DmpError):
    """What was given cannot be taken as it is."""


class NotFound(DmpError):
    """There is no such thing."""


class WrongState(DmpError):
    """The thing exists but is not in a state where this can be done."""


class Unavailable(DmpError):
    """A part we depend on (database, key file) does not answer or is not usable; an operator mends it."""
