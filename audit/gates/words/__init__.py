"""What a verdict says: the sentence of a limit, what people and outcomes are called in it, and who comes first."""
