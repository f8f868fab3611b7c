"""Limits and estimates in, verdicts and their sentences out.

Must not: measure; load numpy for a verdict.
"""
