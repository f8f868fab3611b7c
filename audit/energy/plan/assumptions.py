"""What is assumed where nothing was given, and how far a given number is trusted: each with its source and date."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """A range with its reason. As a factor it multiplies what was given, and its central value is 1."""

    low: float
    value: float
    high: float
    because: str
    source: str
    date: str


OURS = "our assumption"
KAPLAN = "Kaplan et al. (arXiv 2001.08361), section 2.1, forward and backward pass"
LLMCARBON = "LLMCarbon (arXiv 2309.14393), its database.csv"
UPTIME = "Uptime Institute survey of 2024"

UTILISATION = Assumption(
    low=0.13,
    value=0.27,
    high=0.57,
    date="2022 to 2024",
    because="no throughput was given, and published runs of language models lie between these; small models, and "
    "devices that wait for data, can lie below",
    source="low: 6ND over the GPU-hours of Llama 3.1 8B's model card, 13.9%; high: Korthikanti et al. "
    "(arXiv 2205.05198), 56.3% at 1T",
)
SIX_ND = Assumption(
    low=6 / 1.082,
    value=6.0,
    high=6 * 1.082,
    date="2023-09",
    because="6ND was within 8.2% of the published FLOPs of five runs; attention over long contexts comes on top",
    source=LLMCARBON,
)
"""FLOP per active parameter and training token."""
AVERAGE_POWER = Assumption(
    low=1 / 1.114,
    value=1.0,
    high=1.114,
    date="2025-06",
    because="an average is taken as known within 11.4%, the mean error of a power model calibrated on such nodes",
    source="Newkirk et al. (arXiv 2506.14551), abstract",
)
SITE = Assumption(
    low=1.09,
    value=1.3,
    high=1.56,
    date="2023-09; 2024",
    because="no PUE was given; 1.09 is one of the best sites, 1.56 the average of owners' largest sites",
    source=f"low: GShard in {LLMCARBON}; high: {UPTIME}; central: {OURS}",
)
COUNTRY_GRID = Assumption(
    low=0.41,
    value=1.0,
    high=1.75,
    date="2023",
    because="a country's average is not the grid at the site: four US states in five lie between 0.41 and 1.75 of the "
    "national figure",
    source="codecarbon 3.3, usa_emissions.json against global_energy_mix.json",
)
DECLARED_GRID = Assumption(
    low=0.9,
    value=1.0,
    high=1.1,
    date="2026",
    because="a grid's average is taken to move by up to a tenth from one year to the next",
    source=OURS,
)
EMBODIED = Assumption(
    low=0.5,
    value=1.0,
    high=2.0,
    date="2022-11; 2023-09",
    because="published life-cycle figures of one device differ by more than a factor of two",
    source=f"{OURS}; BLOOM (arXiv 2211.02001) counts 150 kg a GPU, LLMCarbon (arXiv 2309.14393) 9.78 kg a V100 chip",
)
STEPS_ALIKE = Assumption(
    low=1 / 1.2,
    value=1.0,
    high=1.2,
    date="2026",
    because="the steps that were not run are taken to cost what the measured ones did within a fifth; start-up and a "
    "cold device count as steps",
    source=OURS,
)

METHODS: dict[str, Assumption] = {
    "counter": Assumption(
        low=1 / 1.05,
        value=1.0,
        high=1 / 0.95,
        date="2024",
        because="a hardware counter, right within 5%",
        source="vendors' tolerance of power sensors, as Yang et al. (arXiv 2312.02741) test it",
    ),
    "sampled": Assumption(
        low=1 / 1.35,
        value=1.0,
        high=1 / 0.65,
        date="2024",
        because="power that was sampled, right within 35%",
        source="Yang et al. (arXiv 2312.02741): 35% of error removed on average by good practice",
    ),
    "model": Assumption(
        low=1 / 1.4,
        value=1.0,
        high=1 / 0.6,
        date="2025-09",
        because="a model of power, right within 40%",
        source="Fischer (arXiv 2509.22092): estimates err by up to 40%",
    ),
    "constant": Assumption(
        low=0.5,
        value=1.0,
        high=2.0,
        date="2026",
        because="a constant that a library assumes, taken as half to double",
        source=OURS,
    ),
    "declared": Assumption(
        low=AVERAGE_POWER.low,
        value=1.0,
        high=AVERAGE_POWER.high,
        date=AVERAGE_POWER.date,
        because="declared watts, taken as known within 11.4%",
        source=AVERAGE_POWER.source,
    ),
}
"""How far joules are trusted by how they were come by: the truth lies between these multiples of the reading."""
