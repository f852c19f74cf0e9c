"""The pages of mon-dmp that lead to a DMP: discovering it, creating it, asking for a code."""
