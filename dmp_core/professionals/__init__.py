"""Professionals of health: who they are, by what number, and the card that proves it."""
