"""Suites of Great Expectations, answered from counts where they can be."""
