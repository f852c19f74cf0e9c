"""Correspondence: the letters that answer what persons do, rather than what a campaign decides."""
