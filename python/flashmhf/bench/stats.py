"""Medians and what they are worth."""

from __future__ import annotations

import dataclasses
import math
import statistics


@dataclasses.dataclass(frozen=True)
class Summary:
    """Of some samples: median, extremes, quartiles and an interval that holds the
    true median with a probability of 95% or, of less than 6 samples, all of them;
    in the samples' unit."""

    median: float
    low: float
    high: float
    first_quartile: float
    third_quartile: float
    interval: tuple

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, as a fraction of the median."""
        return (self.third_quartile - self.first_quartile) / 2 / self.median

    @property
    def uncertainty(self) -> float:
        """How far the interval reaches from the median."""
        return max(self.interval[1] - self.median, self.median - self.interval[0])


def summarize(samples) -> Summary:
    """The Summary of at least one positive number."""
    samples = sorted(samples)
    if not samples:
        raise ValueError("no samples")
    if len(samples) == 1:
        quartiles = samples * 3
    else:
        quartiles = statistics.quantiles(samples, n=4, method="inclusive")
    return Summary(
        statistics.median(samples),
        samples[0],
        samples[-1],
        quartiles[0],
        quartiles[2],
        _interval(samples),
    )


def _interval(samples):
    """Of the median of what sorted samples came from, whatever its distribution:
    each sample is below it or above with equal chances."""
    n, outside, drop = len(samples), 0.0, 0
    while True:
        outside += 2 * math.comb(n, drop) / 2**n
        if outside > 0.05 or 2 * drop >= n:
            break
        drop += 1
    drop = max(drop - 1, 0)
    return samples[drop], samples[n - 1 - drop]


def speedup(samples, base) -> tuple:
    """(how much faster, uncertainty): 0.02 means that `samples` took 2% less
    than `base` did in the same rounds. Both list times, a round each."""
    if len(samples) != len(base):
        raise ValueError(f"{len(samples)} samples beside {len(base)}")
    ratios = summarize([b / s for s, b in zip(samples, base)])
    return ratios.median - 1, ratios.uncertainty
