"""What the holder's mobile application speaks to: OAuth 2 for the way in, FHIR R4 for the record, JSON for the rest."""
