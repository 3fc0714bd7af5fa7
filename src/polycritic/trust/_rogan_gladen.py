"""Rogan and Gladen's correction: the true share of right answers from a judge whose error rates are known."""

from __future__ import annotations

from polycritic.core import Estimate, PolycriticError
from polycritic.trust._correction import Corrected, check_level


def rogan_gladen(
    said: tuple[int, int], of_right: tuple[int, int], of_wrong: tuple[int, int], *, level: float = 0.95
) -> Corrected:
    r"""The share of right answers, from a binary judge's share and its two rates of being right.

    .. math::
        \hat\theta = \frac{p + sp - 1}{se + sp - 1}, \qquad
        \mathrm{Var} = \frac{\mathrm{Var}\,p + \hat\theta^2\,\mathrm{Var}\,se + (1 - \hat\theta)^2\,\mathrm{Var}\,sp}
        {(se + sp - 1)^2}

    For rates that were measured elsewhere, where the share of right answers may be another. With a random sample of labels
    from the same items, :func:`corrected_mean` is sharper. The variances of the three shares count one more right and one more
    wrong each (so a perfect record of 10 is not taken for certainty). The estimate and its interval are cut to [0, 1].

    Args:
        said: (how often the judge said right, of how many) on the items in question.
        of_right: (how often it said right, of how many) on answers known to be right: the sensitivity.
        of_wrong: (how often it said wrong, of how many) on answers known to be wrong: the specificity.
        level: Confidence of the interval.

    Raises:
        PolycriticError: Counts that are none, or a judge no better than chance (se + sp <= 1).

    >>> print(rogan_gladen((310, 1000), (80, 100), (90, 100)))
    0.300 [0.219, 0.381] (n=200) by Rogan-Gladen

    References:
        Rogan and Gladen (1978), Estimating Prevalence from the Results of a Screening Test.
    """
    from scipy.special import ndtri

    check_level(level)
    (p, p_var), (se, se_var), (sp, sp_var) = (
        _share(name, counts) for name, counts in (("said", said), ("of_right", of_right), ("of_wrong", of_wrong))
    )
    gain = se + sp - 1
    if gain <= 0:
        raise PolycriticError(
            "the judge tells right from wrong no better than chance",
            found=f"sensitivity {se:.3g} + specificity {sp:.3g} = {se + sp:.3g}",
            expected="a sum above 1",
            mend="Use the labels alone, or another judge",
        )
    value = min(max((p + sp - 1) / gain, 0.0), 1.0)
    error = ((p_var + value**2 * se_var + (1 - value) ** 2 * sp_var) ** 0.5) / gain
    half = float(ndtri(0.5 + level / 2)) * error
    estimate = Estimate(value, max(value - half, 0.0), min(value + half, 1.0), of_right[1] + of_wrong[1])
    return Corrected(estimate, error, "Rogan-Gladen")


def _share(name: str, counts: tuple[int, int]) -> tuple[float, float]:
    hits, n = counts
    if not 0 <= hits <= n or n == 0:
        raise PolycriticError("not counts", where=name, found=f"{hits} of {n}", expected="0 <= hits <= n, n > 0")
    smoothed = (hits + 1) / (n + 2)
    return hits / n, smoothed * (1 - smoothed) / n
