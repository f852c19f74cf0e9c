"""The author's colours turned about for a reader whose mail client is dark: pale words on deep grounds, hues kept."""

import colorsys

from backoffice.letters.model import Panel

PAGE = "141A22"
_WORDS, _GROUND, _LINE = 0.82, 0.16, 0.45
"""Lightness, from 0 to 1."""
_PALE = 0.6
"""A ground above it is pale: its words are dark, and both are turned about."""


class DarkSheet:
    """The rules that one message needs, gathered while it is written."""

    def __init__(self) -> None:
        self._rules: dict[str, str] = {}

    def text(self, colour: str, ground: str | None) -> str:
        """The class of words of this colour on this ground; words on a deep ground stay as they are."""
        if ground is not None and lightness(ground) < _PALE:
            return "kept"
        name = f"t{colour}"
        self._rules[name] = f"color:#{_with_lightness(colour, _WORDS)} !important"
        return name

    def panel(self, panel: Panel) -> str:
        """The class of a shaded or bordered frame."""
        if panel.fill is not None and lightness(panel.fill) < _PALE:
            return "kept"
        edges = (panel.top, panel.right, panel.bottom, panel.left)
        ground = PAGE if panel.fill is None else _with_lightness(panel.fill, _GROUND)
        lines = " ".join(
            f"#{ground if edge is None or lightness(edge.colour) > _PALE else _with_lightness(edge.colour, _LINE)}"
            for edge in edges
        )
        name = f"p{len(self._rules)}"
        self._rules[name] = f"background:#{ground} !important;border-color:{lines} !important"
        return name

    def css(self) -> str:
        """The style sheet."""
        rules = "".join(f" .{name}{{{rule}}}\n" for name, rule in self._rules.items())
        return (
            ":root{color-scheme:light dark}\n@media (prefers-color-scheme:dark){\n"
            f" .page{{background:#{PAGE} !important;color:#E6EBF1 !important}}\n{rules}}}\n"
        )


def lightness(colour: str) -> float:
    """Of six hexadecimal digits, from 0 (black) to 1 (white)."""
    return colorsys.rgb_to_hls(*_parts(colour))[1]


def _with_lightness(colour: str, wanted: float) -> str:
    hue, _, saturation = colorsys.rgb_to_hls(*_parts(colour))
    red, green, blue = colorsys.hls_to_rgb(hue, wanted, min(saturation, 0.6))
    return "".join(f"{round(part * 255):02X}" for part in (red, green, blue))


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4))
    return red, green, blue
