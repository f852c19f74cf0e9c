"""Access of professionals: the site that a card opens."""
