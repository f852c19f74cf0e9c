"""The two PDF files of a creation, online or with an agent, made in memory: terms of use, document des secrets (seed)."""

from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from typing import Any, Final

from reportlab.lib.colors import white
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, ListFlowable, ListItem, Paragraph, SimpleDocTemplate

from dmp_core.enrolment.conditions import Terms
from dmp_core.enrolment.representatives import Capacity, Proof
from dmp_core.enrolment.typesetting import (
    BLUE,
    BOLD,
    DEEP,
    HEIGHT,
    INK,
    LEFT,
    MONO,
    PALE_TEAL,
    REGULAR,
    SOFT,
    TEAL,
    WIDTH,
    fonts,
    style,
    written,
)
from dmp_core.enrolment.words import HOTLINE, long_day, no_break_spaces

_COLUMN: Final = WIDTH - 2 * LEFT


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the document des secrets tells; it exists in memory for one answer."""

    name: str
    """First name and name."""
    created_at: datetime
    ins_c: str | None
    login: str
    password: str = field(repr=False)


def terms_pdf(terms: Terms) -> bytes:
    """The terms of use, A4, with an outline."""
    fonts()
    out = BytesIO()
    title = terms.blocks[0].texts[0]
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=LEFT - 6, rightMargin=LEFT - 6, topMargin=20 * mm, bottomMargin=20 * mm,
        title=title, author="CNAMTS", lang="fr-FR", displayDocTitle=True, invariant=1,
    )  # fmt: skip
    body = style(REGULAR, 10.5, 14.5, spaceAfter=5)
    article = style(BOLD, 12.5, 16, textColor=DEEP, spaceBefore=9, spaceAfter=4, keepWithNext=1)
    story: list[Flowable] = []
    for block in terms.blocks:
        if block.kind == "title":
            story += [Paragraph(written(title), style(BOLD, 19, 24, textColor=BLUE, spaceAfter=10))]
        elif block.kind == "article":
            story.append(_Heading(written(block.texts[0]), article))
        elif block.kind == "items":
            items: list[Any] = [ListItem(Paragraph(written(text), body), bulletColor=TEAL) for text in block.texts]
            bullets: dict[str, Any] = {"start": "•", "bulletFontName": BOLD, "bulletFontSize": 11, "leftIndent": 12}
            story.append(ListFlowable(items, bulletType="bullet", **bullets))
        else:
            story.append(Paragraph(written(block.texts[0]), body))
    footer = f"Version {terms.version} · empreinte SHA-256 : {terms.sha256.hex()}"

    def foot(canvas: Canvas, page: Any) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(SOFT)
        canvas.drawString(LEFT, 11 * mm, footer)
        canvas.drawRightString(WIDTH - LEFT, 11 * mm, f"Page {page.page}")

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


class _Heading(Paragraph):
    """A heading that stands in the outline of the file."""

    def draw(self) -> None:
        text = self.getPlainText()
        self.canv.bookmarkPage(text)
        self.canv.addOutlineEntry(text, text)
        super().draw()


def secrets_pdf(secrets: Secrets) -> bytes:
    """The document des secrets: one A4 page with the seed's five blocks and its texts in full."""
    out = BytesIO()
    canvas = _sheet(out, "Pour accéder à votre Dossier Médical Partagé")
    _head(canvas)
    y = _identity(canvas, secrets, HEIGHT - 44 * mm)
    y = _put(
        canvas, y - 7 * mm,
        "Vous avez créé, ou demandé la création de votre Dossier Médical Partagé (DMP) après avoir pris connaissance de "
        "son fonctionnement et de vos droits.",
        "À cette occasion, votre Identifiant National de Santé Calculé (INS-C) indiqué ci-dessous a été généré.",
        "Il est utilisé exclusivement pour la conservation et l’échange de vos données de santé. Il garantit que les "
        "données conservées dans votre dossier sont bien les vôtres.",
    )  # fmt: skip
    y = _secret(
        canvas, y - 3 * mm, "Votre Identifiant National de Santé Calculé :", _in_groups(secrets.ins_c or "non attribué"),
        "Votre INS-C pourra vous être demandé par un professionnel de santé pour accéder à votre DMP en l’absence de votre "
        "carte Vitale.", size=15,
    )  # fmt: skip
    y = _put(
        canvas, y - 6 * mm,
        "Vous pouvez désormais activer votre compte internet et accéder ainsi à votre DMP.",
    )  # fmt: skip
    y = _steps(canvas, y - 3.5 * mm)
    y = _credentials(
        canvas, y - 4 * mm, secrets.login, secrets.password,
        "Cet identifiant de connexion est permanent, il vous sera demandé à chaque connexion au DMP sur mon-dmp.fr",
        "(Pour votre 1<super>re</super> connexion)",
        "Ce mot de passe initial vous sera demandé lors de votre première connexion. Vous devrez le remplacer par un mot de "
        "passe de votre choix à utiliser lors de vos prochaines connexions.",
    )  # fmt: skip
    _notice(canvas, y - 3 * mm)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class RepresentativeSecrets:
    """What a legal representative receives; it exists in memory for one answer."""

    name: str
    """First name and name of the representative."""
    represented: str
    """Of the person for whom they act."""
    capacity: Capacity
    proof: Proof
    since: date
    until: date | None
    declared_at: datetime
    login: str | None
    """None for who has signed in already: their login id is theirs alone."""
    password: str = field(repr=False)


def representative_pdf(secrets: RepresentativeSecrets) -> bytes:
    """Two A4 pages: the representative's own document des secrets, and the receipt that the person receives too."""
    out = BytesIO()
    canvas = _sheet(out, "Représenter une personne dans son Dossier Médical Partagé")
    _head(canvas, "Pour représenter une personne dans son DMP")
    y = _named(canvas, secrets.name, f"Accès donné le {long_day(secrets.declared_at)}", HEIGHT - 44 * mm)
    y = _put(
        canvas, y - 7 * mm,
        f"Vous représentez <b>{written(secrets.represented)}</b> ({written(secrets.capacity.label.lower())}). Vous ouvrez son "
        "Dossier Médical Partagé avec un accès à vous, qui n’est pas le sien.",
        "Chacun de vos accès est écrit, à votre nom, dans l’historique que cette personne peut lire. Les documents qui vous "
        "sont cachés et ses directives anticipées ne vous sont pas montrés.",
    )  # fmt: skip
    y = _steps(canvas, y - 3.5 * mm, "Pour vous connecter :")
    y = _credentials(
        canvas, y - 4 * mm, secrets.login, secrets.password,
        "Le même pour toutes les personnes que vous représentez. Il vous sera demandé à chaque connexion.",
        "(pour une seule connexion)",
        "À remplacer par un mot de passe de votre choix dès cette connexion. Il ne sert plus après sept jours.",
    )  # fmt: skip
    _notice(canvas, y - 3 * mm)
    canvas.showPage()
    _head(canvas, "Récépissé : représentant légal déclaré")
    y = _named(canvas, secrets.represented, f"Déclaration du {long_day(secrets.declared_at)}", HEIGHT - 44 * mm)
    until = f"jusqu’au {long_day(secrets.until)} inclus" if secrets.until else "sans terme fixé"
    _put(
        canvas, y - 7 * mm,
        f"<b>{written(secrets.name)}</b> peut ouvrir le Dossier Médical Partagé de <b>{written(secrets.represented)}</b>, en son "
        "nom, avec un accès personnel.",
        f"À quel titre : {written(secrets.capacity.label.lower())}. Document vu : {written(secrets.proof.label.lower())}.",
        f"Depuis le {long_day(secrets.since)}, {until}. Cet accès prend fin plus tôt à l’accueil de la caisse, et toujours le "
        "jour des 18 ans de la personne représentée si elle est mineure.",
        "La personne représentée garde son propre accès et tous ses droits. Elle lit qui a ouvert son DMP et quand ; majeure, "
        "elle retire cet accès elle-même depuis son profil.",
        "Pour des soins qu’une personne mineure veut garder secrets (article L.1111-5 du code de la santé publique), le "
        "professionnel rend le document invisible à ses représentants.",
        "Votre caisse d’assurance maladie n’a pas accès au contenu du DMP.",
    )  # fmt: skip
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _sheet(out: BytesIO, title: str) -> Canvas:
    """Blank A4 pages, titled for who reads them aloud."""
    fonts()
    canvas = Canvas(out, pagesize=A4, lang="fr-FR", invariant=1)
    canvas.setTitle(title)
    canvas.setAuthor("L’Assurance Maladie")
    canvas.setViewerPreference("DisplayDocTitle", "true")
    return canvas


def _head(canvas: Canvas, title: str = "Pour accéder à votre Dossier Médical Partagé") -> None:
    canvas.setFillColor(BLUE)
    canvas.rect(0, HEIGHT - 34 * mm, WIDTH, 34 * mm, stroke=0, fill=1)
    canvas.setFillColor(TEAL)
    canvas.rect(0, HEIGHT - 36 * mm, WIDTH, 2 * mm, stroke=0, fill=1)
    canvas.setFillColor(white)
    canvas.setFont(BOLD, 9.5)
    canvas.drawString(LEFT, HEIGHT - 13 * mm, "L’ASSURANCE MALADIE")
    canvas.drawRightString(WIDTH - LEFT, HEIGHT - 13 * mm, "DMP · LE DOSSIER MÉDICAL PARTAGÉ")
    canvas.setFont(BOLD, 20)
    canvas.drawString(LEFT, HEIGHT - 26 * mm, title)


def _identity(canvas: Canvas, secrets: Secrets, y: float) -> float:
    return _named(canvas, secrets.name, f"DMP créé le {long_day(secrets.created_at)}", y)


def _named(canvas: Canvas, who: str, what: str, y: float) -> float:
    """A name in large letters, and what happened under it. Returns its base line."""
    name = Paragraph(written(who), style(BOLD, 15, 19, textColor=DEEP))
    _, height = name.wrap(_COLUMN, 40 * mm)
    name.drawOn(canvas, LEFT, y - height)
    canvas.setFont(REGULAR, 10.5)
    canvas.setFillColor(INK)
    base = y - height - 5 * mm
    canvas.drawString(LEFT, base, what)
    return base


def _put(canvas: Canvas, y: float, *texts: str) -> float:
    body = style(REGULAR, 10.5, 14)
    for text in texts:
        paragraph = Paragraph(no_break_spaces(text), body)
        _, height = paragraph.wrap(_COLUMN, HEIGHT)
        paragraph.drawOn(canvas, LEFT, y - height)
        y -= height + 1.2 * mm
    return y


def _secret(
    canvas: Canvas, y: float, label: str, value: str, note: str, *, left: float = LEFT, width: float = _COLUMN,
    height: float | None = None, size: float = 19,
) -> float:  # fmt: skip
    """A framed block: label, the value in large letters, a note. Returns its lower edge."""
    inside = width - 8 * mm
    head = Paragraph(no_break_spaces(label), style(BOLD, 11, 14, textColor=DEEP))
    middle = Paragraph(written(value), style(MONO, size, size * 1.3, alignment=TA_CENTER))
    foot = Paragraph(no_break_spaces(note), style(REGULAR, 10, 12.5, textColor=INK))
    pieces = [(piece, piece.wrap(inside, HEIGHT)[1]) for piece in (head, middle, foot)]
    gaps = (3.5 * mm, 2.5 * mm, 2 * mm)
    tall = height or sum(h for _, h in pieces) + sum(gaps) + 3.5 * mm
    canvas.setFillColor(PALE_TEAL)
    canvas.setStrokeColor(TEAL)
    canvas.setLineWidth(1.2)
    canvas.roundRect(left, y - tall, width, tall, 2.5 * mm, stroke=1, fill=1)
    at = y
    for (piece, high), gap in zip(pieces, gaps, strict=True):
        at -= gap + high
        piece.drawOn(canvas, left + 4 * mm, at)
    return y - tall


def _credentials(
    canvas: Canvas, top: float, login: str | None, password: str, of_login: str, when: str, of_password: str
) -> float:  # fmt: skip
    """Login id and initial password side by side, whom to call under them. Returns the lower edge; `login` is None for who
    keeps the one that they have."""
    half = (_COLUMN - 6 * mm) / 2
    low = _secret(
        canvas, top, "Votre identifiant de connexion :<br/><font name='DmpSans' size='10'>(à conserver précieusement)</font>",
        login or "le vôtre, inchangé", of_login, width=half, height=51 * mm, size=19 if login else 13,
    )  # fmt: skip
    _secret(
        canvas, top, f"Votre mot de passe initial<br/><font name='DmpSans' size='10'>{when}</font>", password, of_password,
        left=LEFT + half + 6 * mm, width=half, height=51 * mm,
    )  # fmt: skip
    return _put(
        canvas, low - 6 * mm,
        f"Pour toutes questions, nos conseillers sont à votre disposition au <b>{HOTLINE}</b> Service 0,06 € / min + prix "
        "appel du lundi au vendredi de 8 h 30 à 17 h 30.",
    )  # fmt: skip


def _steps(canvas: Canvas, y: float, heading: str = "Pour accéder à votre DMP :") -> float:
    title = Paragraph(heading.replace(" :", "\u00a0:"), style(BOLD, 11.5, 15, textColor=DEEP))
    _, height = title.wrap(_COLUMN, HEIGHT)
    title.drawOn(canvas, LEFT, y - height)
    y -= height + 2 * mm
    for number, text in enumerate((
        "Rendez-vous sur le site <b>mon-dmp.fr</b> et saisissez votre identifiant de connexion et votre mot de passe initial.",
        "Lors de votre première connexion, il vous sera demandé de remplacer ce mot de passe initial par un mot de passe de "
        "votre choix que vous saisissez lors des connexions suivantes.",
        "Vous recevrez automatiquement, à chaque connexion, un mot de passe à usage unique par courrier électronique ou SMS "
        "que vous devrez saisir.",
    ), 1):  # fmt: skip
        paragraph = Paragraph(no_break_spaces(text), style(REGULAR, 10.5, 14))
        _, height = paragraph.wrap(_COLUMN - 10 * mm, HEIGHT)
        canvas.setFillColor(BLUE)
        canvas.circle(LEFT + 3 * mm, y - 7, 3 * mm, stroke=0, fill=1)
        canvas.setFillColor(white)
        canvas.setFont(BOLD, 11)
        canvas.drawCentredString(LEFT + 3 * mm, y - 7 - 3.8, str(number))
        paragraph.drawOn(canvas, LEFT + 10 * mm, y - height)
        y -= height + 1.8 * mm
    return y


def _notice(canvas: Canvas, y: float) -> None:
    paragraph = Paragraph(
        no_break_spaces(
            "Les données collectées et traitées au titre de votre dossier médical partagé sont sous la responsabilité de la "
            "CNAMTS. Conformément à la loi n°78-17 du 6 janvier 1978 relative à l’informatique, aux fichiers et aux libertés "
            "modifiées, vous disposez d’un droit d’accès et de rectification aux données qui vous concernent. Vous pouvez "
            "exercer ces droits en vous adressant au directeur de l’organisme de rattachement du titulaire du DMP."
        ),
        style(REGULAR, 9, 11.5, textColor=SOFT),
    )
    _, height = paragraph.wrap(_COLUMN, HEIGHT)
    paragraph.drawOn(canvas, LEFT, y - height)


def _in_groups(ins_c: str) -> str:
    """The 22 digits as people read them out: "1541 1873 8747 7485 5624 88"."""
    if not ins_c.isdigit():
        return ins_c
    return " ".join(ins_c[i : i + 4] for i in range(0, len(ins_c), 4))
