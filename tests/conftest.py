"""Settings that have to stand before TensorFlow and Matplotlib are imported, and the profile of hypothesis."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import settings

# derandomize: the same examples in every run. No deadline: the first example may compile or import something slow.
settings.register_profile("snnconv", derandomize=True, deadline=None, max_examples=40, database=None)
settings.load_profile("snnconv")
