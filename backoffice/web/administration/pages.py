"""Every page of the administration, in the order of its list."""

from typing import Final

from backoffice.web.administration.caisses import Caisses
from backoffice.web.administration.health import Health
from backoffice.web.administration.jobs import Jobs
from backoffice.web.administration.parameters import Parameters
from backoffice.web.administration.views import ClosedView

ADMINISTRATION: Final[tuple[type[ClosedView], ...]] = (Parameters, Caisses, Jobs, Health)
