"""A real server for the runners of `tests/clients` and `tests/schemathesis`."""

import json
import signal
import socket
import subprocess
import sys
import threading

PATIENCE_S = 300


class Server:
    """A server on a data directory of its own, furnished by the command line, until the end of the block.

    Whoever inherits says what is there (`furnish`), under which SCHEME it is reached and with which OPTIONS it runs.
    """

    SCHEME = "http"
    OPTIONS = []

    def __init__(self, claimsmith, data):
        self.claimsmith, self.data = claimsmith, data
        # Free a moment ago: the issuer must name the port before the server listens on it.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        host = "localhost" if self.SCHEME == "https" else "127.0.0.1"
        self.issuer = f"{self.SCHEME}://{host}:{self.port}/"
        self.furnish()

    def furnish(self):
        raise NotImplementedError

    def cli(self, *arguments, stdin=None):
        command = [self.claimsmith, *arguments, "--json", *self.where()]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode != 0:
            sys.exit(f"{' '.join(arguments)}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def where(self):
        return ["--data", str(self.data), "--reserve-mib", "0", *self.OPTIONS]

    def serve_options(self):
        return []

    def __enter__(self):
        command = [self.claimsmith, "serve", "--listen", f"127.0.0.1:{self.port}", *self.where(), *self.serve_options()]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        overdue = threading.Timer(PATIENCE_S, self.process.kill)
        overdue.start()
        if not any('"listening"' in line for line in self.process.stderr):
            sys.exit("the server ended before it listened")
        overdue.cancel()
        # Nobody else reads it; a full pipe would stop the server. What it calls an error is shown.
        threading.Thread(target=self.drain, daemon=True).start()
        return self

    def drain(self):
        for line in self.process.stderr:
            if '"ERROR"' in line:
                print(line, end="")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
