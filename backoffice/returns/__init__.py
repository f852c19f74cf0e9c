"""Letters that come back (plis non distribués): noted one after the other, then their codes, addresses and cases follow."""
