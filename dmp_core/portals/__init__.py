"""The applications of the DMP itself."""
