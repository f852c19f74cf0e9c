"""The back office in a browser: the frame of every page, then each feature's pages."""
