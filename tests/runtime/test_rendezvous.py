"""Workers wait for each other: for a limited time, saying for whom, and naming who did not come."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from snnconv.errors import DistributionError
from snnconv.runtime import rendezvous
from snnconv.runtime.rendezvous import is_there, meet, watched

from ..helpers.command import fails
from ..helpers.distribution import clusters


def addresses(n):
    """Ports that are free, of this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    found = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return found


def test_all_come_and_none_waits_longer(monkeypatch):
    monkeypatch.setattr(rendezvous, "PATIENCE", 0.3)
    names, told, begun = addresses(3), [], time.monotonic()

    def come(index):
        time.sleep(index * 0.5)
        meet(names, index, 20.0, told.append)
        with socket.create_server(("", int(names[index].rpartition(":")[2]))):  # as TensorFlow does then
            time.sleep(2)

    threads = [threading.Thread(target=come, args=(index,)) for index in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert time.monotonic() - begun < 15
    assert f"Waiting up to 20 s for worker 1 ({names[1]}) and worker 2 ({names[2]})." in told


def test_who_does_not_come_is_named(monkeypatch):
    monkeypatch.setattr(rendezvous, "PATIENCE", 0.0)
    names, told = addresses(2), []
    with pytest.raises(DistributionError) as error:
        meet(names, 0, 0.5, told.append)
    assert str(error.value).startswith(f"worker 1 ({names[1]}) did not come within 0.5 s.")
    assert "--worker-timeout" in str(error.value)
    assert told == [f"Waiting up to 0.5 s for worker 1 ({names[1]})."]
    assert not is_there(names[0])  # it listens no longer


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DistributionError, match=f"worker 0 cannot listen on port {port}, which TF_CONFIG gives it"):
            meet([f"127.0.0.1:{port}", "127.0.0.1:1"], 0, 1.0, print)


def test_the_command_names_who_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", clusters()[1])
    monkeypatch.chdir(tmp_path)
    from ..helpers.distribution import small

    small().save("g.snn.h5")
    options = ("--strategy", "multiworker", "--worker-timeout")
    fails("worker 0 .* did not come within 0.2 s", "simulate", "g.snn.h5", *options, 0.2)
    fails("--worker-timeout must be a number of seconds above 0. Received 0", "simulate", "g.snn.h5", *options, 0)
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["here"]}, "task": {"type": "worker", "index": 0}}')
    fails("needs all workers, and which of them this is", "simulate", "g.snn.h5", *options, 1)


@pytest.mark.full
def test_a_worker_that_dies_while_tensorflow_connects_is_named(tmp_path):
    from ..helpers.distribution import small

    small().save(tmp_path / "g.snn.h5")
    names = addresses(2)
    config = f'{{"cluster": {{"worker": ["{names[0]}", "{names[1]}"]}}, "task": {{"type": "worker", "index": 0}}}}'
    command = [sys.executable, "-m", "snnconv", "simulate", "g.snn.h5", "--strategy", "multiworker"]
    with subprocess.Popen(
        [*command, "--worker-timeout", "30"],
        cwd=tmp_path,
        env={**os.environ, "TF_CONFIG": config},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as worker:
        begun = time.monotonic()
        meet(names, 1, 60.0, print)  # and then this worker is gone
        _, said = worker.communicate(timeout=150)
    assert worker.returncode == 2
    assert f"worker 1 ({names[1]}) ended while the workers connected; waited 30 s" in said
    assert time.monotonic() - begun < 120


KEEPS_THE_LOCK = "import ctypes; ctypes.PyDLL(None).sleep(60)"  # as TensorFlow does


def test_an_interrupt_is_python_s_again_behind_the_wait():
    before = signal.getsignal(signal.SIGINT)
    with watched(["127.0.0.1:1"], 0, 60.0):
        pass
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_process_that_waits_too_long_is_ended_and_others_are_not():
    program = (
        "import time; from snnconv.runtime.rendezvous import watched\n"
        "with watched(['127.0.0.1:1', '127.0.0.1:2'], 0, {}): {}"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program.format(0.5, KEEPS_THE_LOCK)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "worker 1 (127.0.0.1:2) ended while the workers connected; waited 0.5 s" in ended.stderr
    done = subprocess.run(
        [sys.executable, "-c", program.format(60, "pass")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
