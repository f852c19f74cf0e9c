"""How many calls, visits and creations a plan brings, and whether there is staff for it."""
