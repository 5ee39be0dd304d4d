"""Runs of a network in spikes: the NumPy loop to trust, and the Simulator, which TensorFlow compiles.

- `arguments`: what a run is asked for, checked
- `result`: what a run gives
- `reference`: the NumPy loop
- `simulator`: the Simulator, the public face of all that follows
- `samples`: inputs and targets, as arrays or in batches
- `batches`: samples handed to the devices
- `compiled`: the network as functions that TensorFlow compiles
- `recorder`: results filled in, chunk by chunk
- `classes`: the ones that outputs name, and those in labels
- `answers`: averages over time, and how right they are
- `workers`: devices and processes that share a run; `rendezvous`: how the processes wait for each other
- `resumable`: runs that go on where they were stopped
- `rates`: the network in rates instead of spikes
- `tensorflow_ops`: the array namespace for tensors
"""
