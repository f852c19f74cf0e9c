"""Pure words of the domain: no web, no database, no queue, no paper."""
