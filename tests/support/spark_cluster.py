"""A real standalone cluster on loopback: a master and workers as processes of their own, stopped at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PATIENCE_S = 60.0


def require():
    pytest.importorskip("pyspark", reason="PySpark is not installed (extra spark)")
    if shutil.which("java") is None:
        pytest.skip("there is no Java on this machine; Spark needs 17")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    def __init__(self, folder: Path, workers: int) -> None:
        import pyspark

        self.home, self.folder = Path(pyspark.__file__).parent, folder
        self.master = f"spark://127.0.0.1:{free_port()}"
        self.processes = []
        port = self.master.rpartition(":")[2]
        self.leader = self._start("master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", "0")
        self._answering(int(port))
        self.workers = [self.add_worker(i) for i in range(workers)]

    def add_worker(self, i: int):
        work = self.folder / f"work{i}"
        return self._start("worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", "0",
                           "--work-dir", str(work), self.master)  # fmt: skip

    def _start(self, name: str, *arguments: str):
        command = [str(self.home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
        environment = os.environ | {"SPARK_HOME": str(self.home), "SPARK_LOCAL_IP": "127.0.0.1"}
        with (self.folder / f"{name}{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        self.processes.append(process)
        return process

    def _answering(self, port: int):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.2)
        raise AssertionError("the master did not start")

    @staticmethod
    def kill(process):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=PATIENCE_S)

    def stop(self):
        for process in self.processes:
            self.kill(process)


@contextmanager
def cluster(folder: Path, workers: int = 2):
    require()
    made = Cluster(folder, workers)
    try:
        yield made
    finally:
        made.stop()
