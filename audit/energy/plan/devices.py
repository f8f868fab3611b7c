"""Devices by name: peak FLOP/s of dense 16-bit matrix products, and the power that a training draws on one.

Peaks are without sparsity, where makers print the double; accumulation is in 32 bits. The board's power is a limit,
not an average, and leaves the host out. Where a draw with the host was published, that is the power; where none was
found, it is the board's limit within a wide range, and the device says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.energy.plan.assumptions import LLMCARBON, Assumption


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw(Assumption):
    """Average watts of one device with its share of the host, while it trains; no factor."""

    published: bool
    """Whether such a draw was published for this device; else the range is that of other devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a maker says of one accelerator."""

    title: str
    peak_flops: float
    """FLOP/s, bf16 or fp16, dense."""
    board_w: float | None
    """Watts; None where the maker publishes none, and then watts have to be given."""
    draw: Draw | None
    """None where neither a draw nor a board's limit was found."""
    source: str
    date: str


PATTERSON = "Patterson et al. (arXiv 2104.10350), table 4, measured average with the host"
H100_NODE = "node of 8 H100 that trains (arXiv 2412.08602)"
PALM = "Chowdhery et al. (arXiv 2204.02311), appendix B"
BETWEEN_TRAININGS = 310 / 245
"""Largest ratio between published trainings on one device: T5 and Switch Transformer on TPU v3."""
LEAST_OF_BOARD = 245 / 450
MOST_OF_BOARD = 378.5 / 192
"""Least and most of the maker's figure that was published as a draw with the host: Switch on TPU v3, PaLM on TPU v4."""
DRAWS: dict[str, Draw] = {
    "v100": Draw(
        low=330 / BETWEEN_TRAININGS,
        value=336,
        high=342 * BETWEEN_TRAININGS,
        date="2021-04; 2023-09",
        published=True,
        because="two published trainings drew 330 and 342 W with the host, and trainings on one device differ by 1.27",
        source=f"GPT-3: {PATTERSON}; XLM: {LLMCARBON}",
    ),
    "h100": Draw(
        low=700 * LEAST_OF_BOARD,
        value=700,
        high=8480 / 8,
        date="2024-12",
        published=True,
        because="the board's limit, which model cards count, excludes the host: a node drew at most 1060 W a "
        "device; no average over a whole training was found, so the low end is the least share of a "
        "board on record",
        source=f"high: {H100_NODE}; low: Switch Transformer on TPU v3, {PATTERSON}",
    ),
    "tpu-v3": Draw(
        low=245 / BETWEEN_TRAININGS,
        value=288.5,
        high=450,
        date="2021-04",
        published=True,
        because="four published trainings drew 245 to 310 W with the host, the median 288.5, and trainings on one "
        "device differ by 1.27; the high end is the maker's limit",
        source=f"T5, Meena, GShard, Switch Transformer: {PATTERSON}",
    ),
    "tpu-v4": Draw(
        low=200,
        value=378.5,
        high=378.5 * BETWEEN_TRAININGS,
        date="2022-04; 2023-04",
        published=True,
        because="PaLM drew 378.5 W with the host, and trainings on one device differ by 1.27; the low end is the chip "
        "alone, without a host",
        source=f"{PALM}; low: Google Cloud blog of 2023-04-05, mean power of a chip",
    ),
}


def _assume_draw(board_w: float) -> Draw:
    """Return the board's limit within the shares of it that were published for other devices."""
    return Draw(
        low=board_w * LEAST_OF_BOARD,
        value=board_w,
        high=board_w * MOST_OF_BOARD,
        date="2021-04; 2022-04",
        because="no published draw was found for this device: its board's limit is no average and excludes the "
        "host, and on other devices the draw with the host was 0.54 to 1.97 of the maker's figure",
        source=f"low: Switch Transformer on TPU v3, {PATTERSON}; high: PaLM on TPU v4, {PALM}",
        published=False,
    )


def _make_device(
    title: str, peak_tflops: float, board_w: float | None, source: str, date: str, draw: str = ""
) -> Device:
    """Return a device; its draw by name where one was published."""
    found = DRAWS[draw] if draw else None
    if found is None and board_w is not None:
        found = _assume_draw(board_w)
    return Device(title=title, peak_flops=peak_tflops * 1e12, board_w=board_w, draw=found, source=source, date=date)


HALF = "half of the figure with sparsity"
H100_SHEET = f"NVIDIA H100 data sheet, {HALF}"
TPU_PAGE = "Google Cloud documentation, page of this TPU, per chip"
DEVICES: dict[str, Device] = {
    "v100": _make_device("NVIDIA V100 SXM2", 125, 300, "NVIDIA V100 data sheet", "2020-01", "v100"),
    "v100-pcie": _make_device("NVIDIA V100 PCIe", 112, 250, "NVIDIA V100 data sheet", "2020-01"),
    "a100": _make_device("NVIDIA A100 SXM4", 312, 400, "NVIDIA A100 80GB data sheet", "2021-06"),
    "a100-pcie": _make_device("NVIDIA A100 80GB PCIe", 312, 300, "NVIDIA A100 80GB data sheet", "2021-06"),
    "h100": _make_device("NVIDIA H100 SXM5", 989.4, 700, H100_SHEET, "2023", "h100"),
    "h100-pcie": _make_device("NVIDIA H100 PCIe", 756, 350, H100_SHEET, "2022-11"),
    "h200": _make_device("NVIDIA H200 SXM", 989.4, 700, f"NVIDIA H200 data sheet, {HALF}", "2023-11"),
    "b200": _make_device("NVIDIA B200 SXM", 2250, 1000, f"NVIDIA Blackwell data sheet, {HALF}", "2024"),
    "l40s": _make_device("NVIDIA L40S", 362, 350, f"NVIDIA L40S data sheet, {HALF}", "2023"),
    "rtx-3090": _make_device("NVIDIA GeForce RTX 3090", 71, 350, "NVIDIA Ampere GA102 white paper, appendix A", "2020"),
    "rtx-4090": _make_device("NVIDIA GeForce RTX 4090", 165.2, 450, "NVIDIA Ada white paper, appendix A", "2022"),
    "mi250x": _make_device("AMD Instinct MI250X", 383, 560, "AMD Instinct MI200 data sheet, peak power", "2021-11"),
    "mi300x": _make_device("AMD Instinct MI300X", 1307.4, 750, "AMD Instinct MI300X data sheet", "2023-12"),
    "tpu-v3": _make_device("Google TPU v3", 123, 450, LLMCARBON, "2023-09", "tpu-v3"),
    "tpu-v4": _make_device("Google TPU v4", 275, 192, f"{TPU_PAGE}; measured maximum of a chip", "2026", "tpu-v4"),
    "tpu-v5e": _make_device("Google TPU v5e", 197, None, TPU_PAGE, "2026"),
    "tpu-v5p": _make_device("Google TPU v5p", 459, None, TPU_PAGE, "2026"),
    "tpu-v6e": _make_device("Google TPU v6e", 918, None, TPU_PAGE, "2026"),
}
