"""Identifiers as the norms define them, pure: no database, no web. Usable by the back office as a vocabulary."""
