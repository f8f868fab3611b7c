"""A recorded run held against what follows from it: its numbers, sentences, accounts, cards and tables."""
