"""The admission desk of an establishment creates a DMP for who is there: by its certificate or a card of its staff, and a VIHF
which says for which professional (TD1.1, indirect mode). It gets a receipt and the patient's paper, and reads nothing.
"""

from base64 import b64encode
from datetime import datetime
from uuid import UUID

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from dmp_core.access.feeding import use_once
from dmp_core.access.identifying import VitaleCard
from dmp_core.access.openers import Given, opener_within
from dmp_core.access.opening import OpeningGate
from dmp_core.enrolment.contacts import mail_address, mobile_number
from dmp_core.enrolment.dossiers import Contacts
from dmp_core.enrolment.papers import secrets_pdf
from dmp_core.errors import DmpError, Invalid
from dmp_core.portals.professionals.establishment import refuse, who_acts
from dmp_core.professionals.vihf import AssertionRefused

blueprint = Blueprint("admissions", __name__, url_prefix="/etablissement")
blueprint.register_error_handler(DmpError, refuse)

PURPOSE = "creation"


@blueprint.post("/creations")
def create() -> ResponseReturnValue:
    """Part `vihf` (file), whose patient is the card's; `finalite` is `creation`, `demande` a UUID, the same when asked again;
    what the card says (`nir`, `prenom`, `naissance`, `serie`), where codes go (`mail`, `mobile`), the consent (`informe`,
    `consent`, `conditions`). 201 and a receipt, with the document that the patient takes along; 200 when it had been made.
    """
    form, who = request.form, who_acts()
    if form.get("finalite") != PURPOSE:
        raise Invalid("Indiquez la finalité de la demande : « creation ».")
    try:
        operation = UUID(form.get("demande", ""))
    except ValueError:
        raise Invalid("Indiquez l’identifiant de la demande, un UUID.") from None
    card = VitaleCard.of(*(form.get(name, "") for name in ("nir", "prenom", "naissance", "serie")))
    if card.ins_c != who.ins_c:
        raise AssertionRefused("Le VIHF désigne un autre patient que la carte Vitale.")
    mail, mobile = form.get("mail", ""), form.get("mobile", "")
    contacts = Contacts(mail_address(mail) if mail else None, mobile_number(mobile) if mobile else None)
    given = Given(form.get("informe") == "oui", form.get("consent") == "oui", form.get("conditions", ""))
    given = given.by(form.get("representant", ""), form.get("qualite", ""))

    def once(connection: Connection, at: datetime) -> None:
        use_once(connection, who, at)

    made = _gate().create(opener_within(who), operation, card, contacts, given, authorise=False, before=once)
    assert made.secrets is not None
    receipt = {
        "ins_c": made.ins_c, "fait_le": made.at.isoformat(),
        "document_secrets": b64encode(secrets_pdf(made.secrets)).decode(),
    }  # fmt: skip
    return receipt, 201 if made.entered else 200


def _gate() -> OpeningGate:
    found = current_app.extensions["professionals.opening"]
    assert isinstance(found, OpeningGate)
    return found
