"""A conjecture to begin from: relugeom verify examples/my_conjecture.py"""

from relugeom import Verdict, Witness, conjecture
from relugeom.exact import SignPattern
from relugeom.exact.rationals import as_matrix


@conjecture("Six features fit in three dimensions without a bias", source="me", expected=Verdict.CERTIFIED)
def six_in_three():
    """Three orthogonal antipodal pairs."""
    W = as_matrix([[1, -1, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0], [0, 0, 0, 0, 1, -1]])
    return Witness([SignPattern(W)])
