"""How many features fit into m dimensions: bounds that answer with a certificate, and searches for what they allow.

For a given encoder, `decide` answers exactly; `find_positive_pair` refutes any claim of more than 2m tied features.
`search` looks for an encoder: of `Decoding`, of `SphericalCode`, or of a `Problem` of your own.
"""

from __future__ import annotations

from relugeom.capacity.decisions.feasibility import DecoderRow, decide, decide_feature
from relugeom.capacity.decisions.outcomes import Decision, TiedFailure, Undecided
from relugeom.capacity.decisions.refuter import Component, Structure, find_positive_pair, structure
from relugeom.capacity.known.theorems import Theorem, upper_bound
from relugeom.capacity.searches.attempt import Candidate
from relugeom.capacity.searches.codes import SphericalCode
from relugeom.capacity.searches.decoding import Decoding
from relugeom.capacity.searches.problem import Problem, soft_minimum
from relugeom.capacity.searches.searching import Found, Impossible, NotFound, SearchOutcome, search

__all__ = [
    "Candidate",
    "Component",
    "Decision",
    "DecoderRow",
    "Decoding",
    "Found",
    "Impossible",
    "NotFound",
    "Problem",
    "SearchOutcome",
    "SphericalCode",
    "Structure",
    "Theorem",
    "TiedFailure",
    "Undecided",
    "decide",
    "decide_feature",
    "find_positive_pair",
    "search",
    "soft_minimum",
    "structure",
    "upper_bound",
]
