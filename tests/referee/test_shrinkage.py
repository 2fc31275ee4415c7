"""Shrinkage: the best of many is believed as far as the noise allows."""

import numpy as np
import pytest

from archsearch.referee.shrinkage import chances_of_first, population, shrunken, top_two

RNG = np.random.default_rng(50)


def test_the_moments_of_a_pool_are_found_again() -> None:
    true = RNG.normal(0.9, 0.05, 4_000)
    noise = RNG.uniform(0.01, 0.04, 4_000) ** 2
    pool = population(true + RNG.normal(0, np.sqrt(noise)), noise)
    assert pool.mean == pytest.approx(0.9, abs=0.004)
    assert np.sqrt(pool.variance) == pytest.approx(0.05, rel=0.05)


def test_a_pool_of_clones_is_believed_to_be_one_value() -> None:
    noise = np.full(50, 0.03**2)
    measured = np.random.default_rng(1).normal(1, 0.028, 50)
    pool = population(measured, noise)
    estimates, variances = shrunken(measured, noise, pool)
    assert pool.variance == pytest.approx(0, abs=1e-4)
    assert np.ptp(estimates) < 0.2 * np.ptp(measured)
    assert (variances <= noise).all()


def test_the_shrunken_best_is_nearer_the_truth_than_the_measured_best() -> None:
    measured_errors, shrunken_errors = [], []
    for _ in range(200):
        true = RNG.normal(0.9, 0.03, 40)
        noise = np.full(40, 0.04**2)
        measured = true + RNG.normal(0, 0.04, 40)
        estimates, _ = shrunken(measured, noise, population(measured, noise))
        measured_errors.append(measured.max() - true[measured.argmax()])
        shrunken_errors.append(estimates.max() - true[estimates.argmax()])
    assert np.mean(measured_errors) > 0.03
    assert abs(np.mean(shrunken_errors)) < 0.012


def test_more_measurements_may_pass_a_higher_ratio_measured_once() -> None:
    measured, noise = np.array([1.06, 1.05, 0.9, 0.88, 0.95]), np.array([16e-4, 1e-4, 4e-4, 4e-4, 4e-4])
    estimates, _ = shrunken(measured, noise, population(measured, noise))
    assert estimates.argmax() == 1


def test_chances_of_being_first_follow_estimate_and_doubt() -> None:
    chances = chances_of_first(
        np.array([1.0, 0.99, 0.5]), np.array([1e-4, 4e-4, 1e-4]), np.random.default_rng(2)
    )
    assert chances.sum() == pytest.approx(1)
    assert chances[0] > chances[1] > 0.2 > chances[2]


def test_the_next_to_be_measured_is_the_first_or_its_likeliest_rival() -> None:
    estimates, variances = np.array([1.0, 0.98, 0.99, 0.5]), np.array([1e-4, 9e-4, 1e-6, 1e-6])
    chosen = [top_two(estimates, variances, np.random.default_rng(seed)) for seed in range(400)]
    shares = np.bincount(chosen, minlength=4) / 400
    assert 0.4 < shares[0] < 0.6
    assert shares[1] > 2 * shares[2] > 0 == shares[3]


def test_a_pool_of_one_is_measured_again() -> None:
    assert top_two(np.array([1.0]), np.array([1e-4]), RNG) == 0
