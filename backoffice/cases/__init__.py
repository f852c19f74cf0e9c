"""Cases: every request of a person, followed from its opening to its end (DESIGN 5)."""
