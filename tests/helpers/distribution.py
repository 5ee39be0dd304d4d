"""A network, its samples, and addresses of workers, for runs that are shared out over devices or processes."""

import json
import socket

import numpy as np

from snnconv.graph import Dense, Input, Population, Readout, SpikingGraph
from snnconv.neurons import IF, LIF

N, N_STEPS = 37, 40


def network() -> SpikingGraph:
    rng = np.random.default_rng(0)

    def dense(name, source, n_inputs, n, scale=1.5):
        kernel = rng.normal(0, scale / np.sqrt(n_inputs), (n_inputs, n))
        return Dense(name=name, inputs=(source,), shape=(n,), kernel=kernel, bias=rng.normal(0, 0.1, n))

    def population(name, source, n, neuron):
        bias = rng.uniform(0.5, 1.5, n)
        return Population(name=name, inputs=(source,), shape=(n,), neuron=neuron, neuron_bias=bias, gain=np.ones(()))

    nodes = (
        Input(name="input", shape=(20,)),
        dense("dense", "input", 20, 30),
        population("lif", "dense", 30, LIF()),
        dense("dense_2", "lif", 30, 25, 200.0),
        population("if", "dense_2", 25, IF(amplitude=0.01)),
        dense("readout", "if", 25, 5),
        Readout(name="softmax", inputs=("readout",), shape=(5,), function="softmax"),
    )
    return SpikingGraph(nodes, {"output": "softmax"})


def small() -> SpikingGraph:
    """A part of it, which takes half the time to compile."""
    whole = network()
    nodes = [whole[name] for name in ("input", "dense", "lif")]
    readout = Dense(name="readout", inputs=("lif",), shape=(5,), kernel=np.eye(30, 5))
    return SpikingGraph((*nodes, readout), {"output": "readout"})


def samples(varies: bool = False) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 2, (N, N_STEPS, 20) if varies else (N, 20))


def batches(x, sizes):
    """A generator of x in batches of these sizes, over and over."""
    start = 0
    for number in range(len(x)):
        stop = start + sizes[number % len(sizes)]
        if start < len(x):
            yield x[start:stop]
        start = stop


def free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def clusters() -> list[str]:
    """TF_CONFIG of each of two workers on this machine."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    return [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}) for index in range(2)]
