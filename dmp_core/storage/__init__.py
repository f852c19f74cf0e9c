"""Where the DMP keeps things: engines (one per database role), bulk copies, keys, and who can reach what."""
