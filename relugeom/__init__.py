"""relugeom: what does the tied ReLU autoencoder x' = ReLU(WᵀWx + b) give back, and what does training find?

    import relugeom as rg

is the front door: what a person needs is here by name, and every package (`rg.autoencoder`, `rg.capacity`, ...) has the
rest. Names are imported on first use (PEP 562), so that ``import relugeom.exact`` pulls in nothing but the standard
library and ``relugeom --help`` answers at once. docs/api.md lists them with a line each.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from relugeom._version import __version__

if TYPE_CHECKING:
    from relugeom.autoencoder import (
        Axial,
        DataSet,
        DenseExamples,
        Independent,
        Parameters,
        SparseExamples,
        UniformAxial,
        activation_thresholds,
        angles,
        angular_gaps,
        antipodal_pairs,
        as_data,
        cells,
        circles,
        column_norms,
        dead_features,
        encode,
        example_dimensionality,
        feature_dimensionality,
        flatten,
        gradient,
        gram,
        has_working_bias,
        hessian,
        hessian_vector_product,
        k_family,
        kink_distance,
        largest_bias_window,
        loss,
        max_sparse_support,
        maximal_dimensionality,
        null_features,
        parabola,
        polygon,
        preactivation,
        rational_polygon,
        reconstruct,
        recovered_amplitudes,
        recovered_axes,
        satisfies_criterion,
        sensitive_polygon,
        silent_features,
        simplex,
        symmetric_failure,
        total_loss,
        unflatten,
        untouched_features,
        zero_loss_bias,
        zero_loss_polygon,
        zero_loss_test,
        zones,
    )
    from relugeom.autoencoder.examples import (
        sparse_unit_norm_examples,
    )
    from relugeom.autoencoder.files import (
        dumps_model,
        load_model,
        load_models,
        loads_model,
    )
    from relugeom.bars import ProgressBar
    from relugeom.capacity import (
        Decoding,
        Problem,
        SphericalCode,
        decide,
        find_positive_pair,
        search,
        upper_bound,
    )
    from relugeom.claims.conjectures import (
        FormalProof,
        conjecture,
    )
    from relugeom.claims.run import (
        verify,
    )
    from relugeom.claims.steps import (
        all_cases,
        between,
        identity,
        polynomial_certificate,
        polynomial_sign,
        sign,
        trace_identity,
        valid_certificate,
    )
    from relugeom.claims.verdicts import (
        Counterexample,
        Open,
        Outcome,
        Proof,
        Sample,
        Scan,
        Sibling,
        Step,
        Verdict,
        Witness,
        at_least,
        at_most,
    )
    from relugeom.errors import (
        ArgumentError,
        RelugeomError,
    )
    from relugeom.exact import (
        ActivationThreshold,
        AxialLoss,
        CriticalPoint,
        DeadOutputs,
        ExactReconstruction,
        HexagonMinimum,
        Invalid,
        NotDecodable,
        PentagonMinimum,
        PolynomialSign,
        PositivePair,
        RankBound,
        SignPattern,
        Valid,
        WeightedSupport,
        check,
        dumps,
        load,
        loads,
    )
    from relugeom.exact.rationals import (
        as_matrix,
        as_vector,
    )
    from relugeom.inspection import (
        Inspection,
        inspect,
    )
    from relugeom.landscape import (
        certify,
        kind,
        nature,
        polish,
    )
    from relugeom.optim import (
        SGD,
        AdamW,
        Schedule,
    )
    from relugeom.studies import (
        atlas,
        census,
        events,
        toy_models,
        trace,
    )
    from relugeom.training import (
        AxialTraining,
        Configuration,
        Recipe,
        ToyTraining,
        measure_run,
        resume,
        sweep,
        train,
        train_many,
        train_toy_models,
    )

__all__ = [
    "SGD",
    "ActivationThreshold",
    "AdamW",
    "ArgumentError",
    "Axial",
    "AxialLoss",
    "AxialTraining",
    "Configuration",
    "Counterexample",
    "CriticalPoint",
    "DataSet",
    "DeadOutputs",
    "Decoding",
    "DenseExamples",
    "ExactReconstruction",
    "FormalProof",
    "HexagonMinimum",
    "Independent",
    "Inspection",
    "Invalid",
    "NotDecodable",
    "Open",
    "Outcome",
    "Parameters",
    "PentagonMinimum",
    "PolynomialSign",
    "PositivePair",
    "Problem",
    "ProgressBar",
    "Proof",
    "RankBound",
    "Recipe",
    "RelugeomError",
    "Sample",
    "Scan",
    "Schedule",
    "Sibling",
    "SignPattern",
    "SparseExamples",
    "SphericalCode",
    "Step",
    "ToyTraining",
    "UniformAxial",
    "Valid",
    "Verdict",
    "WeightedSupport",
    "Witness",
    "__version__",
    "activation_thresholds",
    "all_cases",
    "angles",
    "angular_gaps",
    "antipodal_pairs",
    "as_data",
    "as_matrix",
    "as_vector",
    "at_least",
    "at_most",
    "atlas",
    "between",
    "cells",
    "census",
    "certify",
    "check",
    "circles",
    "column_norms",
    "conjecture",
    "dead_features",
    "decide",
    "dumps",
    "dumps_model",
    "encode",
    "events",
    "example_dimensionality",
    "feature_dimensionality",
    "find_positive_pair",
    "flatten",
    "gradient",
    "gram",
    "has_working_bias",
    "hessian",
    "hessian_vector_product",
    "identity",
    "inspect",
    "k_family",
    "kind",
    "kink_distance",
    "largest_bias_window",
    "load",
    "load_model",
    "load_models",
    "loads",
    "loads_model",
    "loss",
    "max_sparse_support",
    "maximal_dimensionality",
    "measure_run",
    "nature",
    "null_features",
    "parabola",
    "polish",
    "polygon",
    "polynomial_certificate",
    "polynomial_sign",
    "preactivation",
    "rational_polygon",
    "reconstruct",
    "recovered_amplitudes",
    "recovered_axes",
    "resume",
    "satisfies_criterion",
    "search",
    "sensitive_polygon",
    "sign",
    "silent_features",
    "simplex",
    "sparse_unit_norm_examples",
    "sweep",
    "symmetric_failure",
    "total_loss",
    "toy_models",
    "trace",
    "trace_identity",
    "train",
    "train_many",
    "train_toy_models",
    "unflatten",
    "untouched_features",
    "upper_bound",
    "valid_certificate",
    "verify",
    "zero_loss_bias",
    "zero_loss_polygon",
    "zero_loss_test",
    "zones",
]

# The names by purpose, each with the module that it comes from.
PURPOSES: dict[str, dict[str, str]] = {
    "The model and its loss": {
        "relugeom.autoencoder": (
            "Parameters encode preactivation reconstruct loss total_loss gradient hessian "
            "hessian_vector_product flatten unflatten"
        ),
        "relugeom.autoencoder.files": "load_model load_models dumps_model loads_model",
    },
    "Data": {
        "relugeom.autoencoder": "DataSet as_data Axial UniformAxial Independent DenseExamples SparseExamples",
        "relugeom.autoencoder.examples": "sparse_unit_norm_examples",
    },
    "Constructions": {
        "relugeom.autoencoder": (
            "polygon zero_loss_polygon sensitive_polygon rational_polygon antipodal_pairs simplex "
            "parabola k_family symmetric_failure"
        ),
    },
    "Which inputs are given back": {
        "relugeom.autoencoder": (
            "satisfies_criterion has_working_bias largest_bias_window activation_thresholds "
            "recovered_axes zero_loss_bias zero_loss_test max_sparse_support"
        ),
    },
    "Geometry": {
        "relugeom.autoencoder": (
            "gram column_norms angles angular_gaps circles feature_dimensionality example_dimensionality "
            "maximal_dimensionality null_features dead_features silent_features untouched_features "
            "kink_distance"
        ),
    },
    "The latent plane": {
        "relugeom.autoencoder": "zones cells recovered_amplitudes",
    },
    "How many features fit": {
        "relugeom.capacity": "decide find_positive_pair upper_bound search Decoding SphericalCode Problem",
    },
    "Training": {
        "relugeom.training": (
            "Recipe Configuration train resume measure_run sweep AxialTraining train_many ToyTraining train_toy_models"
        ),
        "relugeom.optim": "AdamW SGD Schedule",
        "relugeom.bars": "ProgressBar",
    },
    "What is my model?": {
        "relugeom.inspection": "inspect Inspection",
    },
    "Where training ends": {
        "relugeom.landscape": "polish kind nature certify",
        "relugeom.studies": "atlas census trace events toy_models",
    },
    "Conjectures and verdicts": {
        "relugeom.claims.run": "verify",
        "relugeom.claims.conjectures": "conjecture FormalProof",
        "relugeom.claims.verdicts": (
            "Verdict Outcome Proof Sibling Step Witness Counterexample Sample Scan Open at_least at_most"
        ),
    },
    "Steps of a proof": {
        "relugeom.claims.steps": (
            "identity trace_identity sign between polynomial_sign polynomial_certificate valid_certificate all_cases"
        ),
    },
    "Certificates": {
        "relugeom.exact": (
            "check Valid Invalid dumps load loads SignPattern ExactReconstruction RankBound NotDecodable "
            "PositivePair PolynomialSign AxialLoss ActivationThreshold CriticalPoint DeadOutputs "
            "PentagonMinimum HexagonMinimum WeightedSupport"
        ),
        "relugeom.exact.rationals": "as_matrix as_vector",
    },
    "Errors": {
        "relugeom.errors": "RelugeomError ArgumentError",
    },
}

HOMES = {name: home for homes in PURPOSES.values() for home, names in homes.items() for name in names.split()}

_ROOMS = frozenset(
    [
        "arrays",
        "autoencoder",
        "bars",
        "bench",
        "blas",
        "capacity",
        "claims",
        "doctor",
        "engines",
        "errors",
        "exact",
        "executors",
        "explorer",
        "figures",
        "html",
        "inspection",
        "installed",
        "landscape",
        "notebook",
        "optim",
        "progress",
        "records",
        "report",
        "resuming",
        "statistics",
        "storage",
        "studies",
        "text",
        "training",
        "writing",
    ]
)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"relugeom.{name}")
    if name not in HOMES:
        raise AttributeError(f"module 'relugeom' has no attribute {name!r}")
    value = getattr(importlib.import_module(HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS})


if "IPython" in sys.modules:  # a notebook shows certificates too
    from relugeom.notebook import register as _register

    _register()
