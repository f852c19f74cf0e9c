"""Every parameter of this layer, in the order of the screen; texts are declared by the features that read them out."""

from typing import Any, Final

from backoffice.core.errors import NotFound
from backoffice.parameters.declaration import Parameter
from backoffice.parameters.hours import HOURS
from backoffice.parameters.limits import LIMITS
from backoffice.parameters.reasons import REASON_LISTS
from backoffice.parameters.rights import GROUPS

PARAMETERS: Final[tuple[Parameter[Any], ...]] = (*HOURS, *LIMITS, *REASON_LISTS, GROUPS)


def parameter_of(name: str, others: tuple[Parameter[Any], ...] = ()) -> Parameter[Any]:
    """The parameter of this name, here or among `others`. Raises NotFound when there is none."""
    for parameter in (*PARAMETERS, *others):
        if parameter.name == name:
            return parameter
    raise NotFound("Ce paramètre n’existe pas.")
