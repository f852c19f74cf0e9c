"""What a structured document of somebody else's making says to a person: its narrative, drawn with tags of ours alone.

CDA R2 asks that the narrative hold all that a reader must know. Nothing of its markup is passed on: each tag that we know
becomes one of HTML, with no attribute but the spans of a table; of any other, the words alone. A link is its words.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from lxml import etree  # type: ignore[import-untyped]
from markupsafe import Markup, escape

from dmp_core.clock import PARIS
from dmp_core.enrolment.words import long_day
from dmp_core.errors import Invalid
from dmp_core.record.cda import NS, H, moment

_NOT_ONE: Final = "Ce document structuré ne peut pas être affiché : il est abîmé. Téléchargez-le pour un logiciel."
_TAGS: Final = {
    "paragraph": "p", "sub": "sub", "sup": "sup", "item": "li", "table": "table", "thead": "thead", "tbody": "tbody",
    "tfoot": "tfoot", "tr": "tr", "td": "td", "th": "th", "footnote": "small", "content": "span", "linkHtml": "span",
}  # fmt: skip
_STYLES: Final = {"Bold": "strong", "Italics": "em", "Underline": "u", "Emphasis": "em"}
_DROPPED: Final = frozenset({"col", "colgroup", "footnoteRef"})
_DEEPEST_HEADING: Final = 6


@dataclass(frozen=True, slots=True)
class Section:
    """One section; those within it follow it, a level below."""

    level: int
    """Of its heading: 2 to 6."""
    title: str = field(repr=False)
    html: Markup = field(repr=False)


@dataclass(frozen=True, slots=True)
class Narrative:
    """A document as it is read."""

    title: str = field(repr=False)
    author: str = field(repr=False)
    organisation: str = field(repr=False)
    at: datetime | None
    sections: tuple[Section, ...]


def narrative_in(root: Any) -> Narrative:
    """The narrative of a structured document. Raises Invalid when it has none."""
    sections = tuple(_sections(root.iterfind("h:component/h:structuredBody/h:component/h:section", H), 2))
    title = root.find("h:title", H)
    if title is None or not sections:
        raise Invalid(_NOT_ONE)
    author = root.find("h:author/h:assignedAuthor", H)
    told = root.find("h:effectiveTime", H)
    return Narrative(
        _words(title), _person(author), _words(None if author is None else author.find("h:representedOrganization/h:name", H)),
        None if told is None else moment(told.get("value", "")), sections,
    )  # fmt: skip


def page_of(told: Narrative) -> bytes:
    """A page that stands alone: no address, no programme, readable on a telephone."""
    made = ""
    if told.at is not None:
        made += f"Établi le {long_day(told.at.astimezone(PARIS))}"
    by = ", ".join(each for each in (told.author, told.organisation) if each)
    made += f"{' par ' if made else 'Par '}{by}" if by else ""
    body = Markup("").join(
        Markup("<section><h{0}>{1}</h{0}>{2}</section>\n").format(each.level, each.title or "Section", each.html)
        for each in told.sections
    )
    return str(_PAGE.format(title=told.title, made=made, body=body)).encode()


def _sections(found: Any, level: int) -> Any:
    for each in found:
        text = each.find("h:text", H)
        html = Markup("") if text is None else _inside(text)
        inner = list(_sections(each.iterfind("h:component/h:section", H), min(level + 1, _DEEPEST_HEADING)))
        if html.strip() or inner:
            yield Section(level, _words(each.find("h:title", H)), html)
        yield from inner


def _inside(element: Any) -> Markup:
    """What stands within an element, drawn."""
    pieces = [escape(element.text or "")]
    for each in element:
        if isinstance(each.tag, str):
            pieces.append(_drawn(each))
        pieces.append(escape(each.tail or ""))
    return Markup("").join(pieces)


def _drawn(element: Any) -> Markup:
    name = etree.QName(element).localname if element.tag.startswith(f"{{{NS}}}") else ""
    if name in _DROPPED:
        return Markup("")
    if name == "br":
        return Markup("<br>")
    if name == "renderMultiMedia":
        return Markup("<em>[image : voir le document d’origine]</em>")
    inside = _inside(element)
    if name == "list":
        return _as_list(element, inside)
    if name == "caption":
        tag = "caption" if element.getparent().tag == f"{{{NS}}}table" else "strong"
        return Markup("<{0}>{1}</{0}>").format(tag, inside)
    tag = _TAGS.get(name, "")
    if not tag:
        return inside
    for style in element.get("styleCode", "").split():
        if style in _STYLES:
            inside = Markup("<{0}>{1}</{0}>").format(_STYLES[style], inside)
    drawn = Markup("<{0}{1}>{2}</{0}>").format(tag, _spans(element) if tag in ("td", "th") else "", inside)
    if tag == "table":
        return Markup('<div class="scroll" role="group" tabindex="0" aria-label="Tableau">{}</div>').format(drawn)
    return drawn


def _as_list(element: Any, inside: Markup) -> Markup:
    tag = "ol" if element.get("listType") == "ordered" else "ul"
    caption = element.find("h:caption", H)
    if caption is not None:  # which HTML has no place for within a list
        items = Markup("").join(_drawn(each) for each in element.iterfind("h:item", H))
        return Markup("<p><strong>{1}</strong></p><{0}>{2}</{0}>").format(tag, _inside(caption), items)
    return Markup("<{0}>{1}</{0}>").format(tag, inside)


def _spans(cell: Any) -> Markup:
    found = Markup("")
    for name in ("colspan", "rowspan"):
        told = cell.get(name, "")
        if told.isascii() and told.isdigit() and 1 < int(told) < 100:
            found += Markup(' {}="{}"').format(name, int(told))
    return found


def _person(author: Any) -> str:
    if author is None:
        return ""
    name = author.find("h:assignedPerson/h:name", H)
    parts = (
        [] if name is None else [_words(each) for each in (*name.iterfind("h:given", H), *name.iterfind("h:family", H))]
    )
    code = author.find("h:code", H)
    role = "" if code is None else code.get("displayName", "")
    who = " ".join(each for each in parts if each) or (_words(name) if name is not None else "")
    return f"{who} ({role})" if who and role else who


def _words(element: Any) -> str:
    """The text of an element, on one line."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


_PAGE: Final = Markup("""<!doctype html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1.0625rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #14232f; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; }}
h2, h3, h4, h5, h6 {{ font-size: 1.15rem; margin: 1.75rem 0 .5rem; color: #0b4a75; }}
h2 {{ font-size: 1.3rem; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; min-width: 20rem; }}
caption {{ text-align: left; padding-bottom: .5rem; font-weight: 600; }}
th, td {{ text-align: left; vertical-align: top; padding: .4rem .9rem .4rem .4rem; border-top: 1px solid #b9c6d1; }}
thead th {{ border-top: 0; background: #eef4f9; }}
.made {{ color: #44566a; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="made">{made}</p>
{body}
</main>
</body>
</html>
""")
