"""Runs a .net file in Lava's fixed-point simulation of Loihi 2; started by test_lava_loihi.

It runs in an environment of its own, with tests/requirements-lava.txt and without snnconv:
``python lava_netx.py FILE.net BIAS.npy N_STEPS OUT.npz``
"""

import sys

import numpy as np
from lava.lib.dl import netx
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc import io


def main(path, bias, n_steps, out):
    network = netx.hdf5.Network(net_config=path)
    network.in_layer.neuron.bias_mant.init = np.load(bias)
    n_steps = int(n_steps)
    sinks = []
    for layer in network.layers:
        sink = io.sink.RingBuffer(shape=layer.out.shape, buffer=n_steps)
        layer.out.connect(sink.a_in)
        sinks.append(sink)
    network.run(condition=RunSteps(num_steps=n_steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    np.savez(out, *[sink.data.get() for sink in sinks])
    network.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
