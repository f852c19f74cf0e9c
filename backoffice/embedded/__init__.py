"""Real parts, embedded by default: PostgreSQL and Valkey from wheels, a directory and a mail catcher to try with.

In service each is replaced by an address in the environment (DESIGN 6); nothing here is then started.
"""
