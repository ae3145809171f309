"""The site: `sphinx-build -W docs docs/_build/html`, then open docs/_build/html/index.html."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from relugeom import __version__

project = "relugeom"
author = "The relugeom authors"
copyright = "2026, the relugeom authors"
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "mathml",
    "outside",
    "reference",
]
exclude_patterns = ["_build", "_ext", "make", "img", "gallery"]
# The same pages are read in the repository, where a language names the highlighting.
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
nitpicky = False

# Notebooks are text; what they print is made by the build, each in at most two minutes.
nb_execution_mode = "cache"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True

html_theme = "furo"
html_title = "relugeom"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
templates_path = []

numpydoc_show_class_members = False
autosummary_generate = False
autodoc_typehints = "none"
copybutton_exclude = ".linenos, .gp, .go"
