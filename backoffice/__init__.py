"""The caisse back office: what the staff of a caisse d'Assurance Maladie works with. It never sees medical data."""
