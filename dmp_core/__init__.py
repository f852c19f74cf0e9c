"""The dossier médical partagé itself. Empty on purpose: importing it must not load the record."""
