#!/usr/bin/env python3
"""Replays a record of shim.c up to random moments and checks what a power cut there would leave.

Three kinds of cut take turns. `strict`: nothing survives that was not synced. `prefix`: unsynced
changes survive in their order up to some point, the last one torn. `torn`: of every unsynced write
each sector of 512 bytes survives or not, whatever came before or after it.
"""

import argparse, os, random, re, shutil, struct, subprocess, sys, tempfile

KINDS = ["strict", "prefix", "torn"]
HEADER = struct.Struct("<4sIQQ")


def calls(path):
    """The recorded calls: name, path, offset, bytes."""
    with open(path, "rb") as log:
        while head := log.read(HEADER.size):
            name, path_length, offset, length = HEADER.unpack(head)
            yield name[:3].decode(), log.read(path_length).decode(), offset, log.read(length)


class File:
    """A file's content as it is on disk, and the changes that a cut may take or leave."""

    def __init__(self):
        self.disk, self.pending = bytearray(), []

    def sync(self, count):
        for change in self.pending[:count]:
            apply(self.disk, change)
        del self.pending[:count]

    def after_cut(self, kind, rng):
        content = bytearray(self.disk)
        kept = self.pending
        if kind == "strict":
            kept = []
        elif kind == "prefix" and kept:
            count = rng.randrange(len(kept) + 1)
            torn = [(offset, data[: rng.randrange(len(data) + 1)]) for offset, data in kept[count : count + 1] if data]
            kept = kept[:count] + torn
        elif kind == "torn":
            kept = [piece for change in kept for piece in sectors(change) if rng.random() < 0.5]
        for change in kept:
            apply(content, change)
        return content


def apply(content, change):
    offset, data = change
    if data is None:  # cut to this length
        content[offset:] = bytes(max(0, offset - len(content)))
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def sectors(change):
    offset, data = change
    if data is None:
        return [change]
    first = 512 - offset % 512
    starts = [0, *range(first, len(data), 512)]
    return [(offset + a, data[a:b]) for a, b in zip(starts, starts[1:] + [len(data)])]


class Disk:
    """Files and directories under the root. A name is on disk once its directory was synced."""

    def __init__(self, ignore):
        self.ignore = ignore
        self.names, self.disk_names = {}, {}
        self.pending = {}  # directory -> changes of names
        self.dirs = {""}
        self.begun = {}  # sync number -> (file or directory, how many changes it covers)
        self.acks = {}

    def change_names(self, directory, change):
        rename(self.names, change)
        self.pending.setdefault(directory, []).append(change)

    def call(self, name, path, offset, data):
        file, directory = self.names.get(path), os.path.dirname(path)
        if name == "NEW":
            self.change_names(directory, [(path, File())])
        elif name == "DEL" and file:
            self.change_names(directory, [(path, None)])
        elif name == "REN" and file:
            # Both names change at once: no file system here moves between directories halfway.
            self.change_names(directory, [(path, None), (data.decode(), file)])
        elif name == "DIR":
            self.dirs.add(path)
        elif name == "WRT" and file:
            file.pending.append((offset, data))
        elif name == "CUT" and file:
            file.pending.append((offset, None))
        elif name in ("FSY", "FDS") and name not in self.ignore:
            changes = file.pending if file else self.pending.setdefault(path, [])
            self.begun[offset] = (file or path, len(changes))
        elif name == "END" and offset in self.begun:
            what, count = self.begun.pop(offset)
            if isinstance(what, File):
                # An overlapping sync may have covered some of them already.
                what.sync(min(count, len(what.pending)))
            else:
                for change in self.pending[what][:count]:
                    rename(self.disk_names, change)
                del self.pending[what][:count]
        elif name == "ACK":
            for task, number in re.findall(rb"^ack (\d+) (\d+)$", data, re.M):
                self.acks[int(task)] = max(int(number), self.acks.get(int(task), 0))

    def write_after_cut(self, root, kind, rng):
        names = dict(self.disk_names)
        for changes in self.pending.values():
            for change in changes[: 0 if kind == "strict" else rng.randrange(len(changes) + 1)]:
                rename(names, change)
        for directory in sorted(self.dirs):
            os.makedirs(os.path.join(root, directory), exist_ok=True)
        for path, file in names.items():
            with open(os.path.join(root, path), "wb") as out:
                out.write(file.after_cut(kind, rng))


def rename(names, change):
    for path, file in change:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


def verdict(binary, root, acks):
    environment = dict(os.environ, CLAIMSMITH_CRASH="verify", CLAIMSMITH_CRASH_DIR=root)
    lines = "".join(f"ack {task} {number}\n" for task, number in acks.items())
    run = subprocess.run(
        [binary, "--exact", "store::crash::child", "--nocapture"],
        env=environment, input=lines, capture_output=True, text=True, timeout=120,
    )
    found = re.search(r"^verdict (.*)$", run.stdout, re.M)
    return found[1] if found else f"no verdict, exit code {run.returncode}: {run.stderr[-300:]}"


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("binary", help="the test binary `it`")
    args.add_argument("record", help="what shim.c wrote")
    args.add_argument("cuts", type=int)
    args.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    args.add_argument("--kind", choices=KINDS, help="only this kind of cut")
    args.add_argument("--ignore", default="", choices=["", "FDS"], help="pretend this kind of sync does nothing")
    args = args.parse_args()
    rng = random.Random(args.seed)
    total = sum(1 for _ in calls(args.record))
    cuts = sorted(rng.randrange(1, total + 1) for _ in range(args.cuts))
    disk = Disk(args.ignore)
    bad = 0
    stream, done = calls(args.record), 0
    for index, cut in enumerate(cuts):
        while done < cut:
            disk.call(*next(stream))
            done += 1
        kind = args.kind or KINDS[index % len(KINDS)]
        with tempfile.TemporaryDirectory() as root:
            disk.write_after_cut(root, kind, rng)
            said = verdict(args.binary, root, disk.acks)
        if said != "kept":
            bad += 1
            print(f"  cut at call {cut}, {kind}: {said}")
    acks = sum(disk.acks.values())
    print(f"{len(cuts)} power cuts in {total} calls, up to {acks} commits behind them: {bad} lost something (seed {args.seed})")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
