"""How sure a change between two decisions about the same rows is."""
