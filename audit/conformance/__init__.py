"""Golden vectors, and the kit that holds an implementation to them."""
