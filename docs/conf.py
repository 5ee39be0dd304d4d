"""The site: `pip install -e '.[docs]' && sphinx-build -W docs site`."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent))  # of `reference`, the extension

import snnconv

project = "snnconv"
author = "the authors of snnconv"
release = version = snnconv.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "reference",
    "layer_reference",
]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}
exclude_patterns = ["README.md"]
default_role = "py:obj"
highlight_language = "none"

html_theme = "furo"  # light and dark, as the reader's system or the switch says
html_title = "snnconv"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_copy_source = False

nb_execution_mode = "off"  # tests run the notebooks; the site shows what is in them
myst_fence_as_directive = ["math"]  # GitHub shows such fences too
myst_heading_anchors = 3

autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say more: shapes and units
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
