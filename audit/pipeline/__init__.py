"""The stages of an audit in their order, and what walks them.

Must not: hold arithmetic.
"""
