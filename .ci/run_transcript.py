#!/usr/bin/env python3
"""Runs a transcript: every `$ command` of the fenced `console` blocks of a document, in one folder, in order.

Usage: run_transcript.py DOCUMENT CLAIMSMITH. The lines below a command must be what it prints; `…` stands for anything
within a line, and alone on a line for any number of lines. `(exit code N)` below a command says how it ends.
"""

import os
import re
import subprocess
import sys
import tempfile
import time


def commands(text):
    """Yields [command, expected lines]."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        steps = []
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append([line[2:], []])
            else:
                steps[-1][1].append(line)
        yield from steps


def pattern(lines):
    parts = []
    for line in lines:
        if line == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*?".join(re.escape(part) for part in line.split("…")) + r"\s*\n")
    return re.compile("".join(parts) + r"\Z")


def run(command, folder, environment):
    place = os.path.join(environment["TRANSCRIPT"], "place")
    script = f'{command}\ncode=$?; pwd >"{place}"; exit $code'
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with open(place) as file:
        return done.returncode, done.stdout, file.read().strip()


def main():
    document, claimsmith = sys.argv[1], os.path.abspath(sys.argv[2])
    failed = passed = 0
    with tempfile.TemporaryDirectory() as folder:
        tools = os.path.join(folder, "tools")
        work = os.path.join(folder, "work")
        os.mkdir(tools)
        os.mkdir(work)
        os.symlink(claimsmith, os.path.join(tools, "claimsmith"))
        environment = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", TRANSCRIPT=tools)
        for command, expected in commands(open(document).read()):
            code = 0
            if expected and (said := re.fullmatch(r"\(exit code (\d+)\)", expected[-1])):
                code = int(said[1])
                expected = expected[:-1]
            start = time.monotonic()
            got, output, work = run(command, work, environment)
            ok = got == code and (not expected or pattern(expected).match(output))
            print(f"{'ok   ' if ok else 'WRONG'} {time.monotonic() - start:5.1f} s  {command}")
            passed, failed = passed + bool(ok), failed + (not ok)
            if not ok:
                print(f"exit code {got}, expected {code}; it printed:\n{output}\nexpected:\n" + "\n".join(expected))
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0 or passed == 0)


if __name__ == "__main__":
    main()
