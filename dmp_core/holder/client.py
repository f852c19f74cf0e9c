"""Who asks: the address and the browser behind one request."""

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from ua_parser import parse

_LONGEST_AGENT = 512


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from, as the configured proxies tell it (RECORD section 4, row 27)."""

    address: str = field(repr=False)
    agent: str = field(default="", repr=False)
    """The header User-Agent, empty when there is none."""

    @property
    def label(self) -> str:
        """The device in a few words, e.g. "Firefox sur Windows"."""
        return device_label(self.agent[:_LONGEST_AGENT])

    @property
    def shortened_address(self) -> str:
        """The address without its last byte (IPv4) or last 80 bits (IPv6): enough to recognise one's own."""
        try:
            read: IPv4Address | IPv6Address = ip_address(self.address)
        except ValueError:
            return "inconnue"
        if isinstance(read, IPv6Address):
            if read.ipv4_mapped is None:
                return f"{IPv6Address(int(read) >> 80 << 80)}/48"
            read = read.ipv4_mapped
        return str(read).rpartition(".")[0] + ".x"


@lru_cache(maxsize=512)
def device_label(agent: str) -> str:
    """The device behind a User-Agent, in a few French words."""
    found = parse(agent)
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    if browser and system:
        return f"{browser} sur {system}"
    return browser or system or "Appareil inconnu"
