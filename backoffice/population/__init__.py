"""Insured persons as their caisses describe them: reading, checking and importing files, synthetic ones included."""
