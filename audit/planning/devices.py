"""Devices by name: peak FLOP/s of dense 16-bit matrix products and the power of the board, from their makers.

Peaks are without sparsity, where makers print the double; accumulation is in 32 bits. The board's power is a limit,
not an average, and leaves the host out: what a training draws is declared, measured, or a wide range around it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a maker says of one accelerator."""

    title: str
    peak_flops: float
    """FLOP/s, bf16 or fp16, dense."""
    board_w: float | None
    """Watts; None where the maker publishes none, and then watts have to be given."""
    source: str
    date: str


def _device(title: str, peak_tflops: float, board_w: float | None, source: str, date: str) -> Device:
    return Device(title=title, peak_flops=peak_tflops * 1e12, board_w=board_w, source=source, date=date)


HALF = "half of the figure with sparsity"
H100_SHEET = f"NVIDIA H100 data sheet, {HALF}"
TPU_PAGE = "Google Cloud documentation, page of this TPU, per chip"
DEVICES: dict[str, Device] = {
    "v100": _device("NVIDIA V100 SXM2", 125, 300, "NVIDIA V100 data sheet", "2020-01"),
    "v100-pcie": _device("NVIDIA V100 PCIe", 112, 250, "NVIDIA V100 data sheet", "2020-01"),
    "a100": _device("NVIDIA A100 SXM4", 312, 400, "NVIDIA A100 80GB data sheet", "2021-06"),
    "a100-pcie": _device("NVIDIA A100 80GB PCIe", 312, 300, "NVIDIA A100 80GB data sheet", "2021-06"),
    "h100": _device("NVIDIA H100 SXM5", 989.4, 700, H100_SHEET, "2023"),
    "h100-pcie": _device("NVIDIA H100 PCIe", 756, 350, H100_SHEET, "2022-11"),
    "h200": _device("NVIDIA H200 SXM", 989.4, 700, f"NVIDIA H200 data sheet, {HALF}", "2023-11"),
    "b200": _device("NVIDIA B200 SXM", 2250, 1000, f"NVIDIA Blackwell data sheet, {HALF}", "2024"),
    "l40s": _device("NVIDIA L40S", 362, 350, f"NVIDIA L40S data sheet, {HALF}", "2023"),
    "rtx-3090": _device("NVIDIA GeForce RTX 3090", 71, 350, "NVIDIA Ampere GA102 white paper, appendix A", "2020"),
    "rtx-4090": _device("NVIDIA GeForce RTX 4090", 165.2, 450, "NVIDIA Ada white paper, appendix A", "2022"),
    "mi250x": _device("AMD Instinct MI250X", 383, 560, "AMD Instinct MI200 data sheet, peak power", "2021-11"),
    "mi300x": _device("AMD Instinct MI300X", 1307.4, 750, "AMD Instinct MI300X data sheet", "2023-12"),
    "tpu-v3": _device("Google TPU v3", 123, 450, "LLMCarbon (arXiv 2309.14393), its database.csv", "2023-09"),
    "tpu-v4": _device("Google TPU v4", 275, 192, f"{TPU_PAGE}; measured maximum of a chip", "2026"),
    "tpu-v5e": _device("Google TPU v5e", 197, None, TPU_PAGE, "2026"),
    "tpu-v5p": _device("Google TPU v5p", 459, None, TPU_PAGE, "2026"),
    "tpu-v6e": _device("Google TPU v6e", 918, None, TPU_PAGE, "2026"),
}  # fmt: skip
