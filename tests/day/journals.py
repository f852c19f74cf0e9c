"""What a complete journal of a case is."""

from campaigns.world import World

from backoffice.cases.kinds import workflow_of


def require_whole_journal(world: World, number: str) -> None:
    """From its opening to where it stands, each line follows the one before, and the audit knows every step."""
    kind, state, owner, case_id = world.sql(
        "SELECT kind, state, owner, id FROM case_file WHERE number = :number", number=number
    )[0]
    workflow = workflow_of(kind)
    here, hands = None, None
    told = ["demande.ouvrir"]
    for what, step, source, target, words in world.sql(
        "SELECT what, step, source, target, text FROM case_entry WHERE case_id = :id ORDER BY id", id=case_id
    ):
        if what == "step" and here is None:
            assert (step, target) == ("open", workflow.initial.name)
            here = target
        elif what == "step":
            declared = workflow.step(step)
            assert (source, target) == (here, declared.target)
            assert words or not declared.needs_reason
            here = target
            told.append(f"demande.{step}")
        elif what == "owner":
            hands = words or None
    assert (here, hands) == (state, owner)
    known = [
        row[0] for row in world.sql("SELECT action FROM audit_entry WHERE object = :number ORDER BY id", number=number)
    ]
    assert [action for action in known if action in told] == told
