"""Commands about two decisions on the same rows, and about items of benchmarks."""
