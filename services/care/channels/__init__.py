"""How messages leave: the words, and the ways."""
