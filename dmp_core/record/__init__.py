"""What a DMP contains: documents, their metadata and their sealed contents. Read through `dmp_core.access` alone."""
