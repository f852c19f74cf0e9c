"""A practice software in the command line: the reference client of the DMP, which knows nothing of its server but the API."""
