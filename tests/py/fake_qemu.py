# SPDX-License-Identifier: GPL-2.0-only
"""Stands in for QEMU: a console with a shell of three commands, a monitor.

$FAKE_QEMU: die (says something and exits), mute (never comes up),
insmod (a module fails).
"""

import json
import os
import re
import socket
import sys
import threading


def option(name):
    at = sys.argv.index(name)
    return sys.argv[at + 1]


def monitor(server):
    connection, _ = server.accept()
    stream = connection.makefile("rwb")

    def say(reply):
        stream.write(json.dumps(reply).encode() + b"\n")
        stream.flush()

    say({"QMP": {}})
    for line in stream:
        request = json.loads(line)
        given = request.get("arguments", {})
        if request["execute"] == "human-monitor-command":
            say({"event": "RESUME"})
            say({"return": "0000000009050090: 0xfb900010 0x40000000\r\n"})
        elif request["execute"] == "pmemsave":
            with open(given["filename"], "wb") as file:
                file.write(bytes([given["val"] & 0xff]) * given["size"])
            say({"return": {}})
        elif request["execute"] == "qmp_capabilities":
            say({"return": {}})
        else:
            say({"error": {"desc": "no such command"}})


if "--version" in sys.argv:
    print("QEMU emulator version 9.8.7 (Fake)")
    sys.exit()
if "help" in sys.argv[-1]:
    print("arm-smmuv3 options:\n  stage=<str>\n" if "-device" in sys.argv
          else "Supported machines are:\nvirt-9.1    a board\nnone    empty")
    sys.exit()
if os.environ.get("FAKE_QEMU") == "die":
    print("qemu: no such kernel", file=sys.stderr)
    sys.exit(3)
listener = socket.socket(socket.AF_UNIX)
listener.bind(re.match(r"unix:([^,]+)", option("-qmp"))[1])
listener.listen()
threading.Thread(target=monitor, args=(listener,), daemon=True).start()
if "-D" in sys.argv:
    with open(option("-D"), "w") as trace:
        trace.write("first\nsecond\n")
print("[    0.1] a line of the kernel", flush=True)
if os.environ.get("FAKE_QEMU") == "insmod":
    print("vfio: disagrees\n@insmod vfio.ko", flush=True)
if os.environ.get("FAKE_QEMU") != "mute":
    print("@up 6.12.0-fake\r", flush=True)
for command in sys.stdin:
    word, _, rest = command.strip().partition(" ")
    if word == "echo":
        print(rest)
    elif word == "quit":
        sys.exit(0)
    if word != "sleep":
        print("@exit", 0 if word == "echo" else 1, flush=True)
