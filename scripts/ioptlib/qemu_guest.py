# SPDX-License-Identifier: GPL-2.0-only
"""A machine in QEMU: boot a kernel, run commands on its console, look at its
memory.

The console is the guest's serial port, one command a line; what the guest
prints comes back as lines, and a command's end is marked by the init of
ioptlib.initramfs.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

QEMU = "qemu-system-aarch64"
BOOT_TIMEOUT_S = 60.0
LINES_KEPT = 40
RAM_BASE = 0x40000000  # of QEMU's machine virt


class GuestError(Exception):
    """The machine did not do what it was asked."""


@dataclass(frozen=True)
class Machine:
    """What to boot. Sizes in bytes."""

    kernel: Path
    initramfs: Path
    memory_bytes: int = 1 << 30
    nr_cpus: int = 1
    cpu: str = "neoverse-n1"
    machine: str = "virt,gic-version=3"
    cmdline: str = ""
    devices: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    trace_events: tuple[str, ...] = ()
    qemu: str = QEMU

    def command(self, directory: Path) -> list[str]:
        """The command line; sockets and logs go into the directory."""
        command = [
            self.qemu, "-M", self.machine, "-cpu", self.cpu,
            "-smp", str(self.nr_cpus), "-m", f"{self.memory_bytes >> 20}M",
            "-nodefaults", "-no-reboot", "-display", "none",
            "-chardev", "stdio,id=console,signal=off",
            "-serial", "chardev:console",
            "-qmp", f"unix:{directory / 'qmp'},server=on,wait=off",
            "-kernel", str(self.kernel), "-initrd", str(self.initramfs),
            "-append", ("console=ttyAMA0 panic=-1 quiet " +
                        self.cmdline).strip()]
        for device in self.devices:
            command += ["-device", device]
        if self.trace_events:
            command += ["-D", str(directory / "trace")]
            for event in self.trace_events:
                command += ["-trace", event]
        return command + list(self.options)


class _Qmp:
    """QEMU's monitor."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rwb")
        json.loads(self._file.readline())
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """A command's result; events in between are passed over."""
        request = {"execute": command, "arguments": arguments}
        self._file.write(json.dumps(request).encode() + b"\n")
        self._file.flush()
        for line in self._file:
            reply = json.loads(line)
            if "return" in reply:
                return reply["return"]
            if "error" in reply:
                raise GuestError(f"{command}: {reply['error']['desc']}")
        raise GuestError(f"{command}: QEMU is gone")

    def close(self) -> None:
        """Let go of the monitor."""
        self._file.close()
        self._socket.close()


@dataclass
class Output:
    """What a command printed and its exit code."""

    code: int
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


class Guest:
    """A running machine; a context manager that always ends it."""

    def __init__(self, machine: Machine,
                 boot_timeout_s: float = BOOT_TIMEOUT_S) -> None:
        self._machine = machine
        self._boot_timeout_s = boot_timeout_s
        self._directory = Path(tempfile.mkdtemp(prefix="iopt-qemu-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: _Qmp | None = None
        self._rest = b""
        self._lines: list[str] = []
        self._recent: list[str] = []
        self.release = ""
        self.boot_s = 0.0

    def __enter__(self) -> Guest:
        try:
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._end()

    def _boot(self) -> None:
        started = time.monotonic()
        command = self._machine.command(self._directory)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=(self._directory / "stderr").open("wb"))
        assert self._process.stdout
        os.set_blocking(self._process.stdout.fileno(), False)
        up = self.expect(r"@(?:up|insmod) (\S+)", self._boot_timeout_s)
        if up[0].startswith("@insmod"):
            raise self._fail(f"the kernel does not take the module {up[1]}")
        self.release = up[1]
        self.boot_s = time.monotonic() - started
        self._qmp = _Qmp(self._directory / "qmp")

    def _end(self) -> None:
        if self._qmp:
            self._qmp.close()
        if self._process:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _fail(self, why: str) -> GuestError:
        """What went wrong, with the end of what QEMU and the guest said."""
        said = (self._directory / "stderr").read_text("utf-8", "replace")
        tail = [*said.splitlines(), *self._recent][-LINES_KEPT:]
        return GuestError("\n    ".join([why, *tail]))

    def _read(self, until: float) -> None:
        """More of the console, or an error when there is none in time."""
        assert self._process and self._process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            ready = selector.select(max(0.0, until - time.monotonic()))
        if not ready:
            raise self._fail("the guest said nothing more in time")
        data = self._process.stdout.read()
        if data == b"":
            self._process.wait()
            raise self._fail(f"QEMU ended: exit {self._process.returncode}")
        *whole, self._rest = (self._rest + (data or b"")).split(b"\n")
        lines = [line.decode("utf-8", "replace").rstrip("\r")
                 for line in whole]
        self._lines += lines
        self._recent = (self._recent + lines)[-LINES_KEPT:]

    def send(self, line: str) -> None:
        """A line to the console."""
        assert self._process and self._process.stdin
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._fail("QEMU is gone") from None

    def expect(self, pattern: str, timeout_s: float,
               passed: list[str] | None = None) -> re.Match[str]:
        """The next line that matches; those before it go to passed."""
        until = time.monotonic() + timeout_s
        while True:
            while self._lines:
                line = self._lines.pop(0)
                found = re.search(pattern, line)
                if found:
                    return found
                if passed is not None:
                    passed.append(line)
            self._read(until)

    def run(self, command: str, timeout_s: float = 60.0) -> Output:
        """A shell command in the guest."""
        self.send(command)
        lines: list[str] = []
        end = self.expect(r"^@exit (\d+)$", timeout_s, lines)
        return Output(int(end[1]), lines)

    def check(self, command: str, timeout_s: float = 60.0) -> str:
        """A shell command that has to work; its output."""
        done = self.run(command, timeout_s)
        if done.code:
            raise GuestError(f"in the guest: {command}: exit {done.code}: "
                             f"{done.text}")
        return done.text

    def read_words(self, address: int, count: int) -> list[int]:
        """32-bit words at a physical address, of memory or of a device."""
        assert self._qmp
        said = self._qmp.execute(
            "human-monitor-command",
            **{"command-line": f"xp /{count}xw {address:#x}"})
        words = [int(word, 16) for line in said.splitlines()
                 for word in line.partition(":")[2].split()]
        if len(words) != count:
            raise GuestError(f"xp of {address:#x}: {said.strip()!r}")
        return words

    def read_memory(self, address: int, size_bytes: int) -> bytes:
        """Physical memory of the guest."""
        assert self._qmp
        path = self._directory / "memory"
        self._qmp.execute("pmemsave", val=address, size=size_bytes,
                          filename=str(path))
        data = path.read_bytes()
        path.unlink()
        return data

    def trace_size(self) -> int:
        """Bytes of QEMU's trace so far."""
        path = self._directory / "trace"
        return path.stat().st_size if path.exists() else 0

    def trace_since(self, offset: int) -> list[str]:
        """Lines of QEMU's trace from a place on."""
        path = self._directory / "trace"
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(offset)
            return file.read().decode("utf-8", "replace").splitlines()


def version(qemu: str = QEMU) -> str:
    """QEMU's version, "" when there is none."""
    if not shutil.which(qemu):
        return ""
    done = subprocess.run([qemu, "--version"], capture_output=True, text=True,
                          check=False, timeout=30)
    found = re.search(r"version (\d+(?:\.\d+)*)", done.stdout)
    return found[1] if found else ""


def has_option(device: str, option: str, qemu: str = QEMU) -> bool:
    """Whether a device of this QEMU has such a property."""
    done = subprocess.run([qemu, "-M", "virt", "-device", f"{device},help"],
                          capture_output=True, text=True, check=False,
                          timeout=30)
    return bool(re.search(rf"^\s*{re.escape(option)}=", done.stdout,
                          re.MULTILINE))


def machines(qemu: str = QEMU) -> list[str]:
    """The machine types that this QEMU has."""
    done = subprocess.run([qemu, "-M", "help"], capture_output=True,
                          text=True, check=False, timeout=30)
    return [line.split()[0] for line in done.stdout.splitlines()[1:]
            if line.split()]
