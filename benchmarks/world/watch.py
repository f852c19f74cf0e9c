"""Watching what a page asks of the databases: how many statements, how long, by which plans."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

LARGE = re.compile(
    r"^(person|letter|creation_code)_\d{3}$|^(audit_entry|case_file|case_entry|phone_call|identity_check|letter_request|dmp_event"
    r"|person_notice|visit|visit_entry|letter_return|lot_destination|dossier|identifier|account|outbox|name_word|letter)$"
)
"""Tables that no page may read from end to end."""
_READS = re.compile(r"^[\s(]*(SELECT|WITH)\b", re.IGNORECASE)


@dataclass
class Seen:
    """One statement, as it was asked."""

    engine: Engine
    sql: str
    values: Any
    milliseconds: float


@dataclass
class Watch:
    """What the engines were asked since `clear`."""

    statements: list[Seen] = field(default_factory=list)

    def over(self, engine: Engine) -> None:
        """Listen to this engine too."""

        @event.listens_for(engine, "before_cursor_execute")
        def _before(_: Any, __: Any, ___: str, ____: Any, context: Any, _____: bool) -> None:
            if context is not None:
                context.began = time.perf_counter()

        @event.listens_for(engine, "after_cursor_execute")
        def _after(_: Any, __: Any, sql: str, values: Any, context: Any, ___: bool) -> None:
            if context is not None:
                took = (time.perf_counter() - context.began) * 1000
                self.statements.append(Seen(engine, sql, values, took))

    def clear(self) -> None:
        self.statements.clear()

    @property
    def milliseconds(self) -> float:
        return sum(one.milliseconds for one in self.statements)

    def read_whole(self) -> list[str]:
        """Large tables that one of the statements reads from end to end, by the planner's own word."""
        found: set[str] = set()
        for one in self._reading():
            with one.engine.connect() as connection:
                plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {one.sql}", one.values).scalar()
            found |= set(_whole(json.loads(plan) if isinstance(plan, str) else plan))
        return sorted(found)

    def plans(self) -> Iterator[str]:
        """The plans of the statements that took longest."""
        for one in sorted(self._reading(), key=lambda one: -one.milliseconds)[:4]:
            with one.engine.connect() as connection:
                rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {one.sql}", one.values)
                yield f"-- {one.milliseconds:.0f} ms\n{one.sql}\n" + "\n".join(row[0] for row in rows)

    def _reading(self) -> list[Seen]:
        return [one for one in self.statements if _READS.match(one.sql) and "advisory" not in one.sql]


def _whole(node: Any, *, stops: bool = False) -> Iterator[str]:
    """Large tables read from end to end; what a limit stops after so many rows is not."""
    if isinstance(node, list):
        for one in node:
            yield from _whole(one, stops=stops)
    elif isinstance(node, dict):
        kind = node.get("Node Type", "")
        stops = kind == "Limit" or (stops and kind in ("", "Append", "Result", "Subquery Scan", "Seq Scan"))
        if kind == "Seq Scan" and not stops and LARGE.match(node.get("Relation Name", "")):
            yield node["Relation Name"]
        for one in node.values():
            if isinstance(one, list | dict):
                yield from _whole(one, stops=stops)
