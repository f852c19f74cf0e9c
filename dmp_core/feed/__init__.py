"""The automatic feed: the insurance's reimbursements of the last twelve months, as a document, at creation and each month."""
