"""Refusals. Each carries one French sentence that says what is wrong and what to do; doors only translate them."""


class DomainError(Exception):
    """A refusal that a person reads: `str(error)` is one clear French sentence, without any personal data or secret."""


class Invalid(DomainError):
    """What was given cannot be taken as it is."""


class NotFound(DomainError):
    """There is no such thing, or not for this actor: the two are never told apart."""


class NotAllowed(DomainError):
    """The actor's role or caisse does not permit this."""


class WrongState(DomainError):
    """The thing exists but is not in a state where this can be done."""


class Unavailable(DomainError):
    """A part we depend on (directory, database, disk ...) does not answer; trying again later may work."""
