"""PyTorch: groups counted inside the training loop, on the device. Needs the extra ``evenhand[torch]``.

>>> GroupTally({"sex": ["female", "male"]}).table.sum().tolist()
0
"""

from __future__ import annotations

from audit.torch.tally import GroupTally

__all__ = ["GroupTally"]
