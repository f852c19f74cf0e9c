"""Persons as staff meet them: found while typing, consulted with a reason, their file, a code sent again."""
