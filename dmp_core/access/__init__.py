"""The one gate to what a DMP contains: it decides, writes down, and only then gives."""
