"""How much may be asked: by a user, by all at a time, and for how much money."""
