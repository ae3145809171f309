"""A search problem to begin from: relugeom search --problem examples/always_on.py:seven

Does a tied layer without bias hold more than 2m features if one more, w_0, is always active? Output j sees
w_j·(w_0 + w_i).
"""

from dataclasses import dataclass

import numpy as np

from relugeom.capacity import Problem, soft_minimum
from relugeom.capacity.searches.searching import Found, search
from relugeom.exact import SignPattern, Valid, check
from relugeom.exact.rationals import as_matrix


@dataclass(frozen=True)
class AlwaysOn(Problem):
    m: int
    n: int

    @property
    def dimension(self):
        return self.m * (self.n + 1)

    def margin(self, x, sharpness):
        V = x.reshape(self.m, self.n + 1) / np.linalg.norm(x)
        W, codes = V[:, 1:], V[:, 1:] + V[:, :1]
        signs = 2 * np.eye(self.n) - 1
        value, weights = soft_minimum(signs * (W.T @ codes), sharpness)
        P = signs * weights
        G = np.hstack([(W @ P).sum(axis=1, keepdims=True), codes @ P.T + W @ P])
        return value, ((G - np.sum(G * V) * V) / np.linalg.norm(x)).ravel()

    def certify(self, x):
        for scale in (2, 3, 5, 10, 30, 100, 1000):
            V = np.rint(scale * x / abs(x).max()).astype(int).reshape(self.m, self.n + 1)
            pattern = SignPattern(as_matrix((V[:, 1:] + V[:, :1]).tolist()), as_matrix(V[:, 1:].T.tolist()))
            if isinstance(check(pattern), Valid):
                return pattern


seven = AlwaysOn(3, 7)

if __name__ == "__main__":
    outcome = search(seven)
    assert isinstance(outcome, Found)
    print("w_1, ..., w_7:", [tuple(map(int, row)) for row in outcome.certificate.decoder])
