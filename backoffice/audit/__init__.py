"""The administrative journal: append-only, hash-chained, checked by a command (DESIGN 3, DOMAIN 11)."""
