"""The statistics on examples worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench import stats


def test_par2_counts_twice_the_limit() -> None:
    assert stats.par2(np.array([1.0, 10.0, 3.0]), np.array([True, False, True]), 10.0) == pytest.approx(
        24 / 3
    )


def test_shifted_geomean() -> None:
    # (0+1)(3+1)(7+1) = 32, cube root 3.1748, minus 1
    assert stats.shifted_geomean(np.array([0.0, 3.0, 7.0]), 1.0) == pytest.approx(32 ** (1 / 3) - 1)


def test_ratio_of_pairs() -> None:
    # (0+1)/(3+1) = 1/4 and (7+1)/(3+1) = 2: geometric mean sqrt(1/2)
    logs = stats.log_ratios(np.array([0.0, 7.0]), np.array([3.0, 3.0]), 1.0)
    found = stats.ratio(logs)
    assert found is not None
    assert found.value == pytest.approx(math.sqrt(0.5))
    assert found.low == pytest.approx(0.25)
    assert found.high == pytest.approx(2.0)
    assert found.count == 2


def test_no_instances_no_ratio() -> None:
    assert stats.ratio(np.array([])) is None


def test_bootstrap_of_many_is_near_the_normal_interval() -> None:
    values = np.random.default_rng(5).normal(1.0, 2.0, size=400)
    low, high = stats.bootstrap_interval(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)
    stats._interval.cache_clear()
    assert stats.bootstrap_interval(values) == (low, high), "the same seed, the same interval"
    assert stats.bootstrap_interval(values, seed=1) != (low, high)


def test_bootstrap_of_equal_values_is_a_point() -> None:
    assert stats.bootstrap_interval(np.full(7, 0.5)) == (0.5, 0.5)


def test_spread_and_inside() -> None:
    noise = stats.Ratio(0.98, 0.8, 1.1, 10)
    assert noise.spread == pytest.approx(1.25)
    assert stats.Ratio(0.85, 0.5, 0.9, 10).inside(noise)
    assert not stats.Ratio(0.79, 0.5, 0.9, 10).inside(noise)
    assert not stats.Ratio(1.3, 1.2, 1.4, 10).inside(noise)
    assert not stats.Ratio(1.0, 1.0, 1.0, 10).inside(None)


def test_wilcoxon_exact_small_sample() -> None:
    # Six pairs, all negative and of different size: two of 2^6 sign patterns are as extreme.
    assert stats.wilcoxon(np.array([-1.0, -2.0, -3.0, -4.0, -5.0, -6.0])) == pytest.approx(2 / 64)
    # 1..5 with only the smallest positive: a rank sum of at most 1 has 2 of 32 patterns, two-sided 4.
    assert stats.wilcoxon(np.array([1.0, -2.0, -3.0, -4.0, -5.0])) == pytest.approx(4 / 32)


def test_wilcoxon_without_differences() -> None:
    assert stats.wilcoxon(np.zeros(5)) == 1.0


def test_mcnemar_is_the_sign_test_on_discordant_pairs() -> None:
    arm = np.array([True, True, True, True, True, False, True, False])
    base = np.array([False, False, False, False, False, True, True, False])
    found = stats.mcnemar(arm, base)
    assert (found.gained, found.lost) == (5, 1)
    assert found.p == pytest.approx(2 * (1 + 6) / 64)  # P(at most one of six) both ways


def test_mcnemar_without_discordant_pairs() -> None:
    same = np.array([True, False])
    assert stats.mcnemar(same, same) == stats.McNemar(0, 0, 1.0)
