"""A whole season made inside PostgreSQL, under the real migrations: persons, mailings, and what became of them.

Everybody in it is synthetic. `make_world.py` makes it in a folder that stays, the benchmarks measure over it.
"""
