"""Reliability tables."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from polycritic.evaluation import expected_calibration_error, reliability


def test_edges_belong_to_the_bin_above_and_one_to_the_last() -> None:
    table = reliability(np.array([0.0, 0.1, 0.3, 0.7, 1.0]), np.ones(5), bins=10)
    assert table.weight.tolist() == [1, 1, 0, 1, 0, 0, 0, 1, 0, 1]
    assert np.isnan(table.found[2])


def test_weights_and_abstentions() -> None:
    table = reliability(np.array([0.2, 0.4, np.nan]), np.array([1.0, 0.0, 1.0]), np.array([3.0, 1.0, 9.0]), bins=1)
    assert_allclose([table.stated[0], table.found[0], table.weight[0]], [0.25, 0.75, 4.0])


def test_what_is_no_probability_is_refused() -> None:
    for metric in (reliability, expected_calibration_error):
        with pytest.raises(ValueError, match=r"not a probability: expected scores from 0 to 1, found 1\.5"):
            metric(np.array([0.5, 1.5]), np.ones(2))
        with pytest.raises(ValueError, match="bad number of bins: expected 1 or more, found 0"):
            metric(np.array([0.5]), np.ones(1), bins=0)


def test_the_base_rate_is_calibrated() -> None:
    assert expected_calibration_error(np.full(8, 0.25), np.array([1.0, 0, 0, 0, 1, 0, 0, 0])) == 0.0
