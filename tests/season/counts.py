"""What the tables say, asked in words of the tests' own: no query of the back office is used here."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid5

from campaigns.world import World

from backoffice.core.clock import paris_date

_WRITTEN = ("scellee", "envoyee")
_OPEN = ("prevue", "envoi")


def _letters(world: World, reference: str) -> list[Any]:
    return world.sql(
        "SELECT l.*, o.state AS lot_state, o.id AS lot_id, o.uid AS lot_uid, o.letter_date, w.number AS wave, "
        "h.posted_on, c.relay_of FROM letter l JOIN campaign c ON c.id = l.campaign_id "
        "JOIN lot o ON (o.campaign_id, o.caisse, o.channel, o.sequence) = (l.campaign_id, l.caisse, l.channel, "
        "l.lot_sequence) LEFT JOIN wave w ON w.id = o.wave_id "
        "LEFT JOIN handover h ON h.lot_id = o.id AND h.ended_at IS NULL "
        "WHERE c.reference = :r OR c.relay_of = (SELECT id FROM campaign WHERE reference = :r)",
        r=reference,
    )


def status(world: World, reference: str, targeted: int, left_out: Counter[str]) -> dict[str, Any]:
    """The numbers of `campaign status --json`, given what the approval found."""
    mine = [one for one in _letters(world, reference) if one.relay_of is None]
    lots = world.sql(
        "SELECT o.* FROM lot o JOIN campaign c ON c.id = o.campaign_id WHERE c.reference = :r", r=reference
    )
    waves = world.sql(
        "SELECT w.state FROM wave w JOIN campaign c ON c.id = w.campaign_id WHERE c.reference = :r", r=reference
    )
    ((controls,),) = world.sql(
        "SELECT coalesce(sum(k.page_last - k.page_first + 1), 0) FROM control_letter k JOIN lot o ON o.id = k.lot_id "
        "JOIN campaign c ON c.id = o.campaign_id WHERE c.reference = :r",
        r=reference,
    )

    def number(*states: str, channel: str = "") -> int:
        return sum(one.state in states and channel in ("", one.channel) for one in mine)

    excluded = left_out + Counter(one.reason for one in mine if one.state == "exclue")
    mails = number(*_OPEN, "envoyee", "annulee", channel="mail")
    return {
        "targeted": targeted,
        "eligible": len(mine) - number("exclue"),
        "excluded": dict(excluded),
        "letters": number("scellee"),
        "letters_planned": sum(one.channel == "courrier" for one in mine),
        "emails": number("envoyee"),
        "emails_planned": mails,
        "exceptions": number("exception"),
        "lots": sum(lot.channel == "courrier" for lot in lots),
        "lots_sealed": sum(lot.state == "scelle" for lot in lots),
        "mail_lots": sum(lot.channel == "mail" for lot in lots),
        "mail_lots_sent": sum(lot.state == "envoye" for lot in lots),
        "pages": sum(one.page_last - one.page_first + 1 for one in mine if one.state == "scellee") + controls,
        "done": len(mine) - number(*_OPEN),
        "total": len(mine),
        "scheduled": sum(one.lot_state == "programme" for one in mine),
        "never": number("annulee"),
        "waves": sum(wave.state != "annulee" for wave in waves),
        "waves_started": sum(wave.state == "demarree" for wave in waves),
        "waves_late": sum(wave.state == "a_confirmer" for wave in waves),
    }


def recruitable(world: World, day: date) -> tuple[int, Counter[str]]:
    """Everybody of the caisse, and those whom a recruitment leaves out, by the first reason in the seed's order."""
    holders = {row.person_id: row.state for row in world.sql("SELECT person_id, state FROM enrolment.dossier", "dmp")}
    live = set(living(world))
    noted = {(row.person_id, row.kind) for row in world.sql("SELECT * FROM person_notice WHERE ended_at IS NULL")}
    persons = world.sql("SELECT * FROM person")
    reasons: Counter[str] = Counter()
    for one in persons:
        for reason, applies in (
            ("ayant_droit", one.qualite != "OD"),
            ("regime", one.regime != "01"),
            ("autre_caisse", one.gone_at is not None),
            ("dmp_existant", one.dmp or holders.get(one.id, "closed") != "closed"),
            ("dmp_cloture", holders.get(one.id) == "closed"),
            ("decede", one.date_deces is not None or (one.id, "deces") in noted),
            ("opposition", one.opposition or (one.id, "opposition") in noted),
            ("pnd", one.pnd or (one.id, "pnd") in noted),
            ("mineur", one.birth_latest > day.replace(year=day.year - 18)),
            ("code_en_cours", one.id in live),
            ("adresse_etrangere", one.pays != ""),
        ):
            if applies:
                reasons[reason] += 1
                break
    return len(persons), reasons


def living(world: World) -> list[int]:
    """The person of every code that opens a DMP now."""
    now = world.clock.now
    rows = world.sql("SELECT person_id, expires_at FROM enrolment.creation_code WHERE state = 'live'", "dmp")
    return [row.person_id for row in rows if now < row.expires_at]


def last_day(world: World, person: int) -> date:
    """Of the person's live code."""
    (row,) = world.sql(
        "SELECT expires_at FROM enrolment.creation_code WHERE state = 'live' AND person_id = :p", "dmp", p=person
    )
    return _day(row.expires_at)


def _day(expires: datetime) -> date:
    """The last day before this first instant at which a code is not taken any more."""
    return paris_date(expires - timedelta(seconds=1))


def ending(world: World, reference: str) -> Counter[date]:
    """Live codes of a campaign that end within seven days, by their last day."""
    today = paris_date(world.clock.now)
    mine = {
        (request, one.person_id)
        for one in _letters(world, reference) if one.relay_of is None
        for request in (one.lot_uid, uuid5(one.lot_uid, "attempt 1"))  # of paper, of e-mails
    }  # fmt: skip
    codes = world.sql("SELECT * FROM enrolment.creation_code WHERE state = 'live'", "dmp")
    return Counter(
        _day(code.expires_at)
        for code in codes
        if (code.request_id, code.person_id) in mine and 0 <= (_day(code.expires_at) - today).days <= 6
    )


def _sent_on(letter: Any) -> date:
    if letter.channel == "mail":
        return paris_date(letter.at)
    day: date = letter.posted_on or letter.letter_date
    return day


def followed(world: World, reference: str, references: list[str]) -> dict[str, Counter[str]]:
    """What became of the letters of a mailing up to today, by channel and by wave ("vague n")."""
    today = paris_date(world.clock.now)
    sent = {
        name: [one for one in _letters(world, name) if one.state in _WRITTEN and _sent_on(one) <= today]
        for name in references
    }
    everything = [one for letters in sent.values() for one in letters]
    facts: dict[str, set[int]] = {"retour": set(), "dmp": set(), "code": set()}
    for row in world.sql(
        "SELECT number FROM letter_return WHERE undone_at IS NULL UNION "
        "SELECT letter_number FROM mail_return WHERE kind = 'retour'"
    ):
        facts["retour"].add(row[0])
    for event in world.sql("SELECT person_id, at FROM dmp_event WHERE kind = 'dossier.opened'"):
        before = [
            one for one in everything if one.person_id == event.person_id and _sent_on(one) <= paris_date(event.at)
        ]
        if before:
            facts["dmp"].add(max(before, key=lambda one: (_sent_on(one), one.number)).number)
    for code in world.sql("SELECT person_id, request_id FROM enrolment.creation_code WHERE state = 'used'", "dmp"):
        facts["code"] |= {
            one.number for one in everything if (one.lot_uid, one.person_id) == (code.request_id, code.person_id)
        }
    found: dict[str, Counter[str]] = {}
    for one in sent[reference]:
        for group in (one.channel, f"vague {one.wave or 0}"):
            counter = found.setdefault(group, Counter())
            counter["envoi"] += 1
            counter.update(fact for fact, numbers in facts.items() if one.number in numbers)
    return found


def nobody_is_written_to_twice(world: World, references: list[str]) -> None:
    """One live code a person; one letter a person and a mailing; none to whoever may not be written to."""
    codes = Counter(living(world))
    assert [person for person, number in codes.items() if number > 1] == []
    for reference in references:
        mine = [one for one in _letters(world, reference) if one.relay_of is None]
        assert len({one.person_id for one in mine}) == len(mine)
        written = {one.person_id: one for one in mine if one.state in _WRITTEN}
        wrong = world.sql(
            "SELECT id FROM person WHERE id = ANY(:p) AND (qualite <> 'OD' OR regime <> '01' OR dmp OR pnd "
            "OR pays <> '' OR date_deces IS NOT NULL OR opposition)",
            p=list(written),
        )
        assert wrong == []
        assert all(one.state not in _WRITTEN or one.reason is None for one in mine)
