"""What became of the letters of mailings: sent, come back, called about, used; counted day by day, drawn and exported."""
