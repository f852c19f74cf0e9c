"""Letters: a docx of the communication staff, compiled once to a page program, stamped a letter at a time."""
