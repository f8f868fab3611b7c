"""What a training will draw and emit, before it runs: always a range, and what dominates it.

>>> from audit.energy.plan import plan
>>> gpt3 = plan(flops=314e21, throughput=24.6e12, watts=330, pue=1.1, g_per_kwh=429)
>>> 1287e3 in gpt3.energy_kwh.total
True

Pure arithmetic: nothing is run, and nothing heavy is imported.
"""

from audit.energy.plan.options import plan
from audit.energy.plan.ranges import Input, Range, Share
from audit.energy.plan.result import Parts, Plan

__all__ = ["Input", "Parts", "Plan", "Range", "Share", "plan"]
