"""How sure a number is: closed forms on counts, no resampling."""
