"""Keras models out of the files that any Keras wrote: .keras, .h5 and .hdf5, or weights and the JSON of a model."""

from .custom import import_custom_objects
from .read import load_model
from .source import MODEL_SUFFIXES, check_model_file

__all__ = ["MODEL_SUFFIXES", "check_model_file", "import_custom_objects", "load_model"]
