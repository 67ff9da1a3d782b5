"""Starts the program on a data folder, and talks to it."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

EXAMPLES = pathlib.Path(__file__).parent / "../../example-assistants/dist"
# How long anything may take that is expected to happen.
PATIENCE = 60


class Server:
    def __init__(self, program, data):
        self.program = program
        self.data = data
        self.assistants = os.environ.get("WAKEFUL_TEST_ASSISTANTS", str(EXAMPLES.resolve()))
        self.child = None
        self.url = None

    def launch(self):
        """Starts it, and waits until it answers."""
        command = [self.program, "serve", "--listen", "127.0.0.1:0", "--data", str(self.data)]
        environment = {name: os.environ[name] for name in os.environ if name != "WAKEFUL_URL"}
        # The log goes where this program's goes; a cut must not take it.
        self.child = subprocess.Popen(
            command + ["--assistants", self.assistants],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if "WAKEFUL_LOG" not in os.environ else None,
            text=True,
            env={"WAKEFUL_LOG": "error", **environment},
            cwd="/",
        )
        line = self.child.stdout.readline()
        while line and not re.search(r"http://127\.0\.0\.1:\d+", line):
            line = self.child.stdout.readline()
        if not line:
            raise AssertionError(f"the server does not start: {self.child.stderr.read()}")
        self.url = re.search(r"http://127\.0\.0\.1:\d+", line).group()
        eventually("the server answers", lambda: self.get("/ok") is not None)

    def freeze(self):
        """Stops it where it is."""
        self.child.send_signal(signal.SIGSTOP)

    def end(self):
        """Kills it, if it lives."""
        if self.child:
            self.child.kill()
            self.child.wait()

    def get(self, path):
        return self._ask("GET", path, None)

    def post(self, path, body, timeout=20):
        return self._ask("POST", path, body, timeout)

    def patch(self, path, body):
        return self._ask("PATCH", path, body)

    def _ask(self, method, path, body, timeout=20):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()}") from error


def eventually(what, holds):
    """Waits until it holds."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, f"not within {PATIENCE} s: {what}"
        time.sleep(0.05)
