"""The end of an access, and its way back: closure, contested creation, death, reopening, opposition, destruction."""
