"""The history of accesses as a signed file: to be read by people and programs, and verified by anybody, off-line."""

from dmp_core.portals.mondmp.record.statement.archive import statement

__all__ = ["statement"]
