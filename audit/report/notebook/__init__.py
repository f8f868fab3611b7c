"""Results as Python shows them: in a notebook, in print and as a chart."""
