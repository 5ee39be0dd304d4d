"""Spikes as a pandas table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import SnnconvError

if TYPE_CHECKING:
    import pandas as pd


def spike_frame(spikes: np.ndarray, dt: float) -> pd.DataFrame:
    """One row per sample, step and neuron that spiked; see `Result.to_frame`.

    Parameters
    ----------
    spikes : (n, n_steps, *units) array
    dt : float
        Length of a step, in seconds.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise SnnconvError("to_frame needs pandas: pip install 'snnconv[frames]'.") from error
    samples, steps, *places = np.nonzero(spikes)
    shape = spikes.shape[2:]
    unit = np.ravel_multi_index(tuple(places), shape) if shape else np.zeros(len(samples), "int64")
    axes = {f"unit_{axis}": place for axis, place in enumerate(places)} if len(shape) > 1 else {}
    columns = {
        "sample": samples,
        "step": steps + 1,
        "time_s": dt * (steps + 1),
        "unit": unit,
        **axes,
        "count": spikes[(samples, steps, *places)].astype("int64"),
    }
    return pd.DataFrame(columns)
