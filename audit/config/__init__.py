"""audit.toml as a frozen, closed question: what is asked, of which columns, judged by which limits.

Must not: open a table; import numpy.
"""
