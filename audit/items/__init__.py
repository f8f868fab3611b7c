"""Logs of language-model benchmarks to one table of items: which answer each item ended with."""
