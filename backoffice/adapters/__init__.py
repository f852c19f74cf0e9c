"""The outside, one module a part: database, queue, directory, mail, store, the record's facade."""
