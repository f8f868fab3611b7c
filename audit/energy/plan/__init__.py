"""What a training will draw and emit, before it runs: always a range, and what dominates it.

Pure arithmetic: nothing is run, and nothing heavy is imported.
"""
