"""Whom the holder names for professionals to ask or to call: the person of trust, the emergency contacts."""

from typing import Final

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue

from dmp_core.enrolment.words import dialled
from dmp_core.errors import Invalid
from dmp_core.holder.relatives import (
    MOST_CONTACTS,
    Relative,
    emergency_contacts,
    name_emergency_contacts,
    name_trusted_person,
    person_name,
    phone_number,
    relation_words,
    remove_trusted_person,
    trusted_person,
)
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.account.pages import Errors, blueprint, go, typed
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage

_RULES: Final = (("nom", person_name), ("telephone", phone_number), ("lien", relation_words))


@blueprint.get("/mon-dmp/profil/personne-de-confiance")
@stage(Stage.OPEN)
def trust() -> str:
    """The person of trust, to be named."""
    with web.parts().store.transaction(web.current_session().dossier_id) as connection:
        found = trusted_person(connection)
    return _trust(_shown(found), {}, named=found is not None)


@blueprint.post("/mon-dmp/profil/personne-de-confiance")
@stage(Stage.OPEN)
def trust_typed() -> ResponseReturnValue:
    """The person of trust, typed."""
    given, errors = typed("nom", "telephone", "lien"), Errors()
    person = _read(given, "", errors)
    dossier = web.current_session().dossier_id
    assert dossier is not None
    with web.parts().store.transaction(dossier) as connection:
        if person is None:
            return _trust(given, errors, named=trusted_person(connection) is not None), 422
        name_trusted_person(connection, web.parts().clock(), dossier, person)
    flash("Votre personne de confiance est enregistrée.", "done")
    return go("account.profile")


@blueprint.post("/mon-dmp/profil/personne-de-confiance/retrait")
@stage(Stage.OPEN)
def trust_withdrawn() -> ResponseReturnValue:
    """Nobody any more."""
    with web.parts().store.transaction(web.current_session().dossier_id) as connection:
        remove_trusted_person(connection, web.parts().clock())
    flash("Vous n’avez plus de personne de confiance désignée.", "done")
    return go("account.profile")


@blueprint.get("/mon-dmp/profil/personnes-a-prevenir")
@stage(Stage.OPEN)
def to_call() -> str:
    """The emergency contacts, to be named."""
    with web.parts().store.transaction(web.current_session().dossier_id) as connection:
        found = emergency_contacts(connection)
    people = [found[at] if at < len(found) else None for at in range(MOST_CONTACTS)]
    return _to_call(
        {f"{name}-{at}": value for at, one in enumerate(people, 1) for name, value in _shown(one).items()}, Errors()
    )


@blueprint.post("/mon-dmp/profil/personnes-a-prevenir")
@stage(Stage.OPEN)
def to_call_typed() -> ResponseReturnValue:
    """The emergency contacts, typed; a place where nothing stands names nobody."""
    given = {
        f"{name}-{at}": request.form.get(f"{name}-{at}", "") for at in range(1, MOST_CONTACTS + 1) for name, _ in _RULES
    }
    errors = Errors()
    filled = [at for at in range(1, MOST_CONTACTS + 1) if any(given[f"{name}-{at}"].strip() for name, _ in _RULES)]
    read = [one for at in filled if (one := _read(given, f"-{at}", errors)) is not None]
    if errors:
        return _to_call(given, errors), 422
    dossier = web.current_session().dossier_id
    assert dossier is not None
    with web.parts().store.transaction(dossier) as connection:
        name_emergency_contacts(connection, web.parts().clock(), dossier, read)
    told = (
        "Les personnes à prévenir sont enregistrées." if read else "Vous n’avez plus de personne à prévenir désignée."
    )
    flash(told, "done")
    return go("account.profile")


def _shown(person: Relative | None) -> dict[str, str]:
    if person is None:
        return {"nom": "", "telephone": "", "lien": ""}
    return {"nom": person.name, "telephone": dialled(person.phone), "lien": person.relation}


def _read(given: dict[str, str], end: str, errors: Errors) -> Relative | None:
    """The person whose fields end so; None with what is wrong of each added to `errors`."""
    read = {}
    for name, rule in _RULES:
        try:
            read[name] = rule(given[name + end])
        except Invalid as refusal:
            errors[name + end] = str(refusal)
    return Relative(read["nom"], read["telephone"], read["lien"]) if len(read) == len(_RULES) else None


def _trust(given: dict[str, str], errors: Errors, *, named: bool) -> str:
    return render_template("account/trusted_person.html", errors=errors, typed=given, named=named)


def _to_call(given: dict[str, str], errors: Errors) -> str:
    return render_template("account/emergency_contacts.html", errors=errors, typed=given, places=MOST_CONTACTS)
