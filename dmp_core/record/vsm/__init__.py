"""The volet de synthèse médicale (VSM 1.4, type SYNTH): what it says, as JSON, as CDA R2, as pages, and read back."""
