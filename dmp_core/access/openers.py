"""Who opens a DMP for a patient, as the record keeps it, and on what consent (DOMAIN 4.1, 4.3). What each kind of card does is
`professionals.rights`'s to say.
"""

from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID, uuid5

from dmp_core.access.circle import Member
from dmp_core.access.feeding import sent_by
from dmp_core.access.trace import ActorKind, Who
from dmp_core.enrolment.conditions import CONSENT, current_terms
from dmp_core.enrolment.dossiers import Consent
from dmp_core.enrolment.representatives import Capacity
from dmp_core.errors import Invalid, WrongState
from dmp_core.professionals.certificates import Bearer, Professional
from dmp_core.professionals.identifiers import NationalId
from dmp_core.professionals.professions import label_of
from dmp_core.professionals.rights import Act, require_right
from dmp_core.professionals.vihf import Acting

INFORMATION: Final = (
    "Le DMP est le carnet de santé informatisé du patient. Il est facultatif et gratuit ; le refuser ne change rien à ses "
    "remboursements. Le patient choisit les professionnels qui le consultent, masque un document, voit qui est venu et peut "
    "le clôturer à tout moment. L’Assurance Maladie y verse ses remboursements des douze derniers mois ; elle ne voit rien de "
    "ce qu’il contient."
)
"""What a patient is told before they consent."""


@dataclass(frozen=True, slots=True)
class Opener:
    """Who acts, as the record keeps it."""

    id: NationalId
    name: str = field(repr=False)
    profession: str
    """In words."""
    bearer: Bearer = field(repr=False)
    """Whose card or certificate it is."""
    member: Member | None = None
    """As the patient may authorise them; None for who never consults: an establishment, a secretary."""
    structure: str = ""
    """Struct_IdNat of the establishment that vouches for them."""
    hand: str = ""
    """By whose hand, when staff sent it; written beside each act."""

    @property
    def counted_as(self) -> str:
        """Whose attempts are counted: an establishment names its professionals itself, and is counted whole."""
        return self.structure or str(self.id)

    @property
    def actor(self) -> Who:
        """As a trace names them."""
        return Who(ActorKind.PROFESSIONAL, str(self.id), self.name, self.profession)

    def require(self, act: Act) -> None:
        """Raise CertificateRefused unless this is theirs to do."""
        require_right(self.bearer, act)

    def told(self, reason: str) -> str:
        """What a line of the trace says of an act of theirs."""
        return f"{self.hand} ; {reason}" if self.hand else reason

    def request(self, given: UUID) -> UUID:
        """A request of theirs: what somebody else calls by the same name is another one."""
        return uuid5(given, f"dmp/opening/{self.counted_as}")


def opener_of(who: Professional) -> Opener:
    """A professional with their card."""
    code = (who.speciality or who.profession).code
    return Opener(who.id, who.name, label_of(code), who, Member(str(who.id), who.name, code))


def opener_within(who: Acting) -> Opener:
    """A professional for whom an establishment speaks."""
    name = f"{who.name}, {who.establishment.name}"
    return Opener(
        who.id, name, who.profession.label, who.staff or who.establishment, structure=who.establishment.id,
        hand=sent_by(who),
    )  # fmt: skip


CONSENTING: Final = (Capacity.GUARDIAN, Capacity.FAMILY, Capacity.MANDATE)
"""Who consents for an adult; the DMP of a minor is opened at the counter of the caisse."""
LONGEST_REPRESENTATIVE: Final = 120


@dataclass(frozen=True, slots=True)
class Given:
    """A consent, as it was collected from the person it binds."""

    informed: bool
    agreed: bool
    terms: str
    """Version of the conditions that were at hand."""
    on_behalf_by: str | None = None
    """The legal representative's name, when one gives it."""
    on_behalf_as: str | None = None
    """In what capacity, in French words."""

    def require(self) -> None:
        """Raise Invalid without information or agreement, WrongState when other conditions are in force by now."""
        if not self.informed:
            raise Invalid("Informez d’abord le patient, puis indiquez qu’il l’a été.")
        if not self.agreed:
            raise Invalid("Sans le consentement du patient, rien n’est fait.")
        if bool(self.on_behalf_by) != bool(self.on_behalf_as):
            raise Invalid("Quelqu’un consent pour le patient ? Indiquez son nom, et à quel titre il le représente.")
        if self.terms != current_terms().version:
            raise WrongState("Les conditions d’utilisation ont changé : montrez au patient celles en vigueur.")

    def by(self, name: str, capacity: str) -> "Given":
        """The same, given by who represents an adult: a tuteur, by habilitation familiale, by a mandate (0045); "" for
        nobody. Raises Invalid."""
        name = " ".join(name.split())
        if not capacity:
            return replace(self, on_behalf_by=name or None)
        if capacity not in CONSENTING or len(name) > LONGEST_REPRESENTATIVE or not name.isprintable():
            raise Invalid(
                "Indiquez le nom de qui représente le patient, et à quel titre : tutelle, habilitation ou mandat."
            )
        return replace(self, on_behalf_by=name or None, on_behalf_as=Capacity(capacity).label)

    def kept(self, collected_by: Opener) -> Consent:
        """The proof that is kept: what was agreed to, in which words, by whom it was taken."""
        terms = current_terms()
        return Consent(terms.version, terms.sha256, CONSENT, str(collected_by.id), self.on_behalf_by, self.on_behalf_as)
