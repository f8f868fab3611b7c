"""The way between a training and the processes beside it: nothing that happens on it reaches the training."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from audit.system.channel import Channel, ChannelClosedError

ROOT = Path(__file__).resolve().parents[2]
TRAINING = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
import audit

def children(parent):
    rows = [line.split() for line in subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True).stdout.splitlines()[1:]]
    return [int(pid) for pid, of in rows if int(of) == parent]

with audit.training({"data": {"label": "y", "groups": ["sex"]}, "predictions": {"prediction": "p"}}, store="runs", quiet=True) as run:
    run.predictions({"y": [1, 0] * 500, "p": [1, 0] * 500, "sex": ["f", "f", "m", "m"] * 250})
    sidecar = run._recording._beside._process.pid
    end = time.monotonic() + 30
    while not (probes := children(sidecar)) and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(sidecar if sys.argv[1] == "sidecar" else probes[0], signal.SIGKILL)
    time.sleep(0.5)
print(run.result.verdict, "|", run.result.energy.note)
"""
IN_THIS_PROCESS = """
import os, signal, time
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
from audit.energy.instruments.isolated import IsolatedInstrument
meter = IsolatedInstrument()
meter.start()
while meter.read() is None: time.sleep(0.05)
os.kill(meter._process.pid, signal.SIGKILL)
meter._process.wait()
print(meter.read(), meter.read(), meter.reason)
meter.stop()
"""


def python(code: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code), *arguments], cwd=folder, env=env,
                          capture_output=True, text=True, timeout=90)  # fmt: skip


@pytest.fixture
def pair():
    """Two ends in this process."""
    ours, theirs = (Channel(end, 5.0) for end in socket.socketpair())
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize("killed", ["sidecar", "probe"])
def test_a_training_with_sigpipe_at_its_default_survives_the_death_of_either_process(tmp_path, killed):
    done = python(TRAINING, killed, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    verdict, note = done.stdout.split("|")
    assert verdict.strip() == "not judged"
    assert ("process is gone" if killed == "sidecar" else "signal 9") in note


def test_a_meter_in_the_training_itself_that_dies_is_a_reason_and_no_signal(tmp_path):
    done = python(IN_THIS_PROCESS, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "None None its process was ended by signal 9"


def test_it_works_beside_more_than_a_thousand_open_files(pair):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2100:
        pytest.skip("the machine allows no more files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2100, hard))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        ours, theirs = (Channel(end, 5.0) for end in socket.socketpair())
        ours.send({"ready": True})
        assert theirs.receive(5.0) == {"ready": True}
        ours.close()
        theirs.close()
    finally:
        for number in files:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_path_that_is_no_utf_8_arrives_as_it_was(pair):
    folder = os.fsdecode(b"/runs/caf\xe9 \xf0\x9f\x8c\x8d")
    pair[0].send({"folder": folder})
    assert pair[1].receive(5.0) == {"folder": folder}


def test_a_number_that_is_none_is_refused_before_anything_is_sent(pair):
    with pytest.raises(ValueError, match="JSON"):
        pair[0].send({"total_j": float("nan")})
    assert pair[1].receive(0.0) is None


def test_messages_come_whole_and_in_their_order_whatever_the_pieces():
    ours, theirs = socket.socketpair()
    channel = Channel(theirs, 5.0)
    text = "".join(json.dumps({"n": n}) + "\n" for n in range(3)).encode()
    for at in range(0, len(text), 5):
        ours.send(text[at : at + 5])
    assert [channel.receive(5.0) for _ in range(3)] == [{"n": 0}, {"n": 1}, {"n": 2}]
    ours.close()
    with pytest.raises(ChannelClosedError):
        channel.receive(5.0)
    channel.close()


def test_the_end_is_heard_when_the_exit_code_is_there(tmp_path):
    """A process that takes its time to shut down still holds its end until it is gone."""
    ours, theirs = socket.socketpair()
    code = f"""
        import sys, time
        sys.path.insert(0, {str(ROOT)!r})
        from audit.system.channel import take_channel
        class Slow:
            def __del__(self): time.sleep(1)
        def main():
            channel, slow = take_channel(5.0), Slow()
            del channel
            sys.exit(3)
        main()
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdin=theirs)
    theirs.close()
    channel = Channel(ours, 5.0)
    with pytest.raises(ChannelClosedError):
        channel.receive(60.0)
    assert process.wait(0.3) == 3
    channel.close()


def test_listening_ends_with_the_other_side_and_with_the_parent(pair):
    ours, theirs = pair
    ours.send({"n": 1})
    assert list(theirs.listen(os.getppid() + 1, 0.01)) == [{"n": 1}]
    heard = theirs.listen(os.getppid(), 0.01)
    assert next(heard) is None
    ours.close()
    assert list(heard) == []


def test_the_patience_is_for_a_whole_message_and_not_for_each_piece_of_it():
    """A reader that takes a little at a time would hold a training up for as long as it likes."""
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def sip():
        while not stop.wait(0.05):
            theirs.recv(65_536)

    reader = threading.Thread(target=sip)
    reader.start()
    channel, began_s = Channel(ours, 0.5), time.monotonic()
    with pytest.raises(ChannelClosedError):
        channel.send({"text": "x" * 100_000_000})
    assert time.monotonic() - began_s < 5
    stop.set()
    reader.join()
    channel.close()
    theirs.close()
