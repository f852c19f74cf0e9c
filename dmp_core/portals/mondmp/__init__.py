"""mon-dmp: the site of the insured person."""
