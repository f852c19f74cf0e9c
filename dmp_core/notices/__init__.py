"""What happened to a DMP, told to its holder by e-mail and SMS, once."""
