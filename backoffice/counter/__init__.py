"""The counter: queue tickets, visits, the carte Vitale read, a DMP created with the person, its document printed once."""
