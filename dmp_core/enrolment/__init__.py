"""Who may open a DMP and who has one: creation codes today. Never what a DMP contains."""
