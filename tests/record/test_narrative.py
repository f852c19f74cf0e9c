"""A structured document of another software as a person reads it: its words, and tags of ours alone."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from dmp_core.errors import Invalid
from dmp_core.record.cda import NS, make
from dmp_core.record.narrative import narrative_in, page_of

from .foreign import a_cda, a_vsm

TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "section", "div", "h1", "h2", "h3", "h4", "h5", "h6", "p",
    "span", "strong", "em", "u", "br", "sub", "sup", "small", "ul", "ol", "li", "table", "caption", "thead", "tbody",
    "tfoot", "tr", "td", "th",
}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "name", "content", "class", "role", "tabindex", "aria-label", "colspan", "rowspan"}


class Looked(HTMLParser):
    """The tags, attributes and words of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += f"{data} "


def looked(data: bytes) -> Looked:
    found = Looked(page_of(narrative_in(etree.fromstring(data))))
    found.words = " ".join(found.words.split())
    assert found.tags <= TAGS
    assert found.attributes <= ATTRIBUTES
    return found


def test_a_laboratory_report_says_all_that_its_author_wrote() -> None:
    found = looked(a_cda("1" * 22, "810000000018"))
    for words in (
        "CR d’examens biologiques", "Établi le 16 octobre 2016 par ANNE MARTIN (Biologie médicale), Laboratoire des Essais",
        "Biochimie", "Glycémie & ionogramme", "Résultats", "Glycémie à jeun", "1,12 g/L", "0,70 - 1,10", "4,1 mmol/L",
        "à jeun", "Voir la notice du laboratoire.",
    ):  # fmt: skip
        assert words in found.words.replace("\xa0", " ").replace(" .", ".")
    assert {"table", "caption", "th", "ol", "sub", "strong", "br"} <= found.tags
    assert "laboratoire.exemple" not in str(found.__dict__)


def test_a_summary_of_another_making_keeps_what_our_model_would_lose() -> None:
    found = looked(a_vsm("1" * 22, "810000000018", more="<paragraph>Vu en urgence, à surveiller.</paragraph>"))
    assert "Vu en urgence, à surveiller." in found.words


def test_one_without_narrative_is_refused() -> None:
    for body in (
        "<structuredBody/>",
        "<nonXMLBody/>",
        "<structuredBody><component><section/></component></structuredBody>",
    ):
        with pytest.raises(Invalid, match="abîmé"):
            narrative_in(etree.fromstring(a_cda("1" * 22, "810000000018", body=body)))


_NAMES = st.sampled_from(
    ["paragraph", "content", "table", "tr", "td", "list", "item", "caption", "script", "img", "linkHtml", "br", "iframe",
     "{http://www.w3.org/1999/xhtml}script", "{urn:x}a", "renderMultiMedia", "style", "object", "footnote"]
)  # fmt: skip
_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20).filter(
    lambda words: all(ord(one) not in (0xFFFE, 0xFFFF) for one in words)
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> etree._Element:
    name = draw(_NAMES)
    made = etree.Element(name if name.startswith("{") else f"{{{NS}}}{name}")
    made.text, made.tail = draw(_WORDS), draw(_WORDS)
    for attribute in draw(st.sets(st.sampled_from(["onclick", "href", "style", "src", "colspan", "styleCode", "id"]))):
        made.set(attribute, draw(st.sampled_from(["javascript:alert(1)", "3", "Bold", "x' onload='y", "<b>", "0999"])))
    for _ in range(draw(st.integers(0, 2 if depth < 3 else 0))):
        made.append(draw(elements(depth + 1)))
    return made


@settings(max_examples=60, deadline=None)
@given(st.lists(elements(), max_size=3), _WORDS)
def test_whatever_the_markup_only_our_tags_come_out(inside: list[etree._Element], title: str) -> None:
    root = etree.fromstring(a_cda("1" * 22, "810000000018"))
    text = next(root.iter(f"{{{NS}}}text"))
    text.extend(inside)
    text.insert(0, make.paragraph(title))
    looked(etree.tostring(root))
