"""What steps do outside their case, by name: "domain.effect". One module a domain.

Each is done first, before its step is written, and is safe to repeat: a crash may come in between. One that refuses
keeps the step from being taken.
"""

from typing import Final

from backoffice.cases.effects import closure, undeliverable
from backoffice.cases.effects.doing import Effect

_DOMAINS: Final[dict[str, dict[str, Effect]]] = {"closure": closure.EFFECTS, "undeliverable": undeliverable.EFFECTS}

EFFECTS: Final[dict[str, Effect]] = {
    f"{domain}.{name}": effect for domain, effects in _DOMAINS.items() for name, effect in effects.items()
}
