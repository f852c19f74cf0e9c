"""Results of medical biology: read from structured reports (CDA R2 CR-BIO) and followed over time."""
