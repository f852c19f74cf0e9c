"""The gate through which DMPs are opened, made over the parts of a process; of pages, API and establishments alike."""

from dmp_core.access.opening import OpeningGate
from dmp_core.portals.professionals.parts import Parts

_PURPOSE = b"dmp/professional-attempt/1"


def opening_gate(parts: Parts) -> OpeningGate:
    """A gate; no connection is made until a request needs one."""
    return OpeningGate(parts.store, parts.insured, parts.record.hasher(_PURPOSE), parts.clock)
