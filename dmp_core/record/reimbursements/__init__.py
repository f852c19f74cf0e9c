"""The history of reimbursements as a document (class 60, type REMB): what it says, as CDA R2, as a page, and read back."""
