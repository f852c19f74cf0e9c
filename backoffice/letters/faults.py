"""What can be wrong with a template or with one letter: one French sentence each."""

from backoffice.core.errors import Invalid
from backoffice.core.typography import no_break_spaces


class TemplateFault(Invalid):
    """A template cannot be used: nothing is printed from it until its author has mended it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(no_break_spaces(sentence))


class LetterFault(Invalid):
    """One letter cannot be set as it should be: it goes to the exceptions list, the others go on."""

    def __init__(self, sentence: str) -> None:
        super().__init__(no_break_spaces(sentence))
