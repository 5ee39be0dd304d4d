"""Random spiking graphs with branches that are added or joined before neurons and outputs."""

import numpy as np

from snnconv.neurons import IF, LIF

from .integer_networks import Line, random_line

BRANCHED = ("residual", "strided", "inverted", "input", "pooled", "joined", "dense", "flat")
SHAPES = ("dense line", "convolution line", *BRANCHED)


def random_network(seed, shape, **settings):
    """A network of one of SHAPES with random weights; settings as those of `random_line`."""
    if shape not in BRANCHED:
        return random_line(seed, conv=shape == "convolution line", **settings)
    return random_branches(seed, shape, **settings)


def random_branches(seed, shape, *, neuron="LIF", synapse=False, tau_ref=0.002, min_voltage=0.0):
    """A network of one of BRANCHED, whose neurons fire at about a tenth of the steps.

    - residual: a convolution of spikes, and the spikes themselves
    - strided: convolutions of 3 x 3 and of 1 x 1 places with a stride; then a depthwise one, and spikes
    - inverted: sums of sums without neurons between, and a kernel behind
    - input: the input beside spikes, without a synapse
    - pooled: an average pool of spikes, and one behind the addition
    - joined: channels side by side before a convolution with a border, and before neurons
    - flat: a dense layer behind the sum of a convolution and spikes
    - dense: two layers before neurons, and spikes beside a layer before that of the output
    """
    rng = np.random.default_rng(seed)
    high = 2.0 if neuron == "LIF" else 100.0
    if neuron == "LIF":
        model = LIF(tau_rc=float(rng.uniform(0.005, 0.03)), tau_ref=tau_ref, min_voltage=min_voltage)
    else:
        model = IF(min_voltage=min_voltage, max_spikes=1)
    line = Line((6,) if shape == "dense" else (6, 6, 2))
    tau = float(rng.uniform(0.002, 0.01))

    def weights(*size):
        return rng.normal(0, high / np.sqrt(np.prod(size[:-1])), size)

    def biases(n=4):
        return rng.normal(0.3, 0.3, n) * high

    def fires(name):
        line.neurons(name, model, rng.normal(0.3, 0.3, line.last.shape[-1]) * high)
        return (line.synapse(f"{name}.synapse", tau) if synapse and shape != "input" else line).last

    data = line.last
    if shape == "dense":
        line.dense("d1", weights(6, 6), biases(6))
        n1 = fires("n1")
        d2 = line.dense("d2", weights(6, 5), biases(5)).last
        line.back_to(n1).dense("d3", weights(6, 5), biases(5)).plus("sum", d2)
        n2 = fires("n2")
        head = line.back_to(n1).dense("head", rng.normal(size=(6, 5))).last
        return line.back_to(n2).plus("all", head).dense("out", rng.normal(size=(5, 3)), rng.normal(size=3)).graph()
    line.conv("c1", weights(3, 3, 2, 4), biases(), padding=1)
    n1 = fires("n1")
    c2 = line.conv("c2", weights(3, 3, 4, 4), biases(), padding=1).last
    if shape == "residual":
        line.plus("sum", n1)
    elif shape == "strided":
        fires("n2")
        c3 = line.conv("c3", weights(3, 3, 4, 4), strides=2, padding=1).last
        line.back_to(n1).conv("short", weights(1, 1, 4, 4), biases(), strides=2).plus("sum", c3)
        n3 = fires("n3")
        line.conv("c4", weights(3, 3, 1, 4), padding=1, groups=4).plus("sum2", n3)
    elif shape == "inverted":
        line.back_to(n1).conv("p1", weights(1, 1, 4, 3), rng.normal(size=3))
        p1 = line.last
        line.conv("e1", weights(1, 1, 3, 4))
        fires("n2")
        line.conv("p2", weights(1, 1, 4, 3), rng.normal(size=3)).plus("sum1", p1)
        sum1 = line.last
        line.conv("e2", weights(1, 1, 3, 4), biases())
        fires("n3")
        line.conv("p3", weights(1, 1, 4, 3)).plus("sum2", sum1).conv("e3", weights(1, 1, 3, 4), biases())
    elif shape == "input":
        line.back_to(data).conv("short", weights(1, 1, 2, 4)).plus("sum", c2)
    elif shape == "pooled":
        c2 = line.back_to(n1).conv("c2s", weights(3, 3, 4, 4), strides=2, padding=1).last
        line.back_to(n1).pool("pool").plus("sum", c2).pool("again", 3)
    elif shape == "joined":
        line.back_to(n1).joined("join", n1).conv("c3", weights(3, 3, 8, 4), padding=1).joined("both", c2)
    elif shape == "flat":
        line.plus("sum", n1).flatten("flat sum").dense("d1", weights(144, 4), biases())
    fires("n4")
    line.flatten()
    n = line.last.shape[0]
    return line.dense("out", rng.normal(size=(n, 3)), rng.normal(size=3)).graph()
