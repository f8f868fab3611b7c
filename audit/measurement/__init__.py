"""Cubes in, estimates out.

Must not: read rows; know an engine or a limit; leave a group out without a word.
"""
