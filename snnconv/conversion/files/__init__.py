"""Keras models out of the files that any Keras wrote: .keras, .h5 and .hdf5, or weights and the JSON of a model.

- `read`: the whole way from a file, or a model of tf_keras, to a model
- `source`: the contents of a file: a config and weights
- `model_config`: the config of a model, as this Keras takes it
- `layer_config`: the config of a layer, as this Keras takes it
- `keras1`: names and layouts of Keras 1
- `classes`: the classes that a config may name
- `custom`: those that the user passes
- `build`: a model out of a repaired config
- `weights`: weights of .h5 files into a model
- `operations`: operations of TensorFlow, in the words of keras.ops
- `arithmetic`: arithmetic written as text, in the place of code; `lambda_code`: that in marshalled code
"""

from .custom import import_custom_objects
from .read import from_legacy, is_legacy, load_model
from .source import MODEL_SUFFIXES, check_model_file

__all__ = [
    "MODEL_SUFFIXES",
    "check_model_file",
    "from_legacy",
    "import_custom_objects",
    "is_legacy",
    "load_model",
]
