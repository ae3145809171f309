"""The dense part over the features that some example can activate.

Feature j is dead for now when max_t (d_j·h_t + b_j) <= 0. A linear function over the hidden vectors is at most what
it is over any polytope around them, so with s_k = max_t u_k·h_t the extents in K fixed directions,

    |d_j| max_k (û_j·u_k ... )

is not even needed: in the plane the polytope {h : u_k·h <= s_k} has at most K vertices, and its largest value is at
one of them. In more dimensions the box [min h, max h] serves. Late in a run with few examples nine features in ten
fall away.
"""

from __future__ import annotations
