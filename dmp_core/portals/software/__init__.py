"""What practice software speaks to, behind the card of its professional: TD0.2 to TD0.4, FHIR R4 and receipts."""
