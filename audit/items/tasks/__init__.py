"""Benchmarks, one file each: what a logged answer means."""
