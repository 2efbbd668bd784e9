# SPDX-License-Identifier: GPL-2.0-only
"""scripts/deps and scripts/python on systems that are put together here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT

NEEDED_TOOLS = ("sh", "sed", "tr", "cat", "id", "dirname", "env", "ls", "tail",
                "true", "chmod", "uname", "grep")
COMMANDS = ("cc", "c++", "meson", "ninja", "python3", "xz", "git")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LIBRARIES = ("benchmark", "hwloc", "inih", "liblzma", "cmocka")


@dataclass
class System:
    """A PATH of its own, whose package manager writes down what it is told."""

    path: Path

    def add(self, name: str, text: str) -> None:
        """A command that is a shell script; what its name led to stays."""
        file = self.path / name
        file.unlink(missing_ok=True)
        file.write_text("#!/bin/sh\n" + text)
        file.chmod(0o755)

    def tool(self, name: str) -> None:
        """A command of this machine."""
        found = shutil.which(name)
        assert found, name
        (self.path / name).symlink_to(found)

    def has_libraries(self, *names: str) -> None:
        """A pkg-config that knows these."""
        cases = "|".join(names) or "none"
        self.add("pkg-config", f'case "$2" in {cases}) exit 0 ;; esac\n'
                               "exit 1\n")

    def remove(self, name: str) -> None:
        """Take a command away."""
        (self.path / name).unlink()

    @property
    def log(self) -> list[str]:
        """What the package managers were told."""
        file = self.path / "log"
        return file.read_text().splitlines() if file.exists() else []

    def run(self, *args: str, like: str = "ID=debian",
            script: str = "deps") -> subprocess.CompletedProcess[str]:
        """Run scripts/deps here."""
        release = self.path / "os-release"
        release.write_text(like + "\n")
        env = {"PATH": str(self.path), "PYTHON": sys.executable,
               "DEPS_OS_RELEASE": str(release)}
        return subprocess.run(["/bin/sh", str(ROOT / "scripts" / script),
                               *args], capture_output=True, text=True,
                              env=env, check=False)


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system that has everything, and a user who is root."""
    made = System(tmp_path)
    for tool in NEEDED_TOOLS:
        made.tool(tool)
    for command in COMMANDS:
        made.add(command, "exit 0\n")
    made.has_libraries(*LIBRARIES)
    log = tmp_path / "log"
    for manager in ("apt-get", "dnf", "crb"):
        # What is "installed" is there afterwards.
        made.add(manager, f'echo "{manager} $*" >>{log}\n'
                          f'for p; do case $p in meson) echo "exit 0" '
                          f'>{tmp_path}/meson; chmod 755 {tmp_path}/meson'
                          ' ;; esac; done\n')
    made.add("apt-cache", "exit 0\n")
    made.add("id", "echo 0\n")
    return made


def test_commands_of_this_machine_stay(tmp_path: Path) -> None:
    """Root runs these tests too, and may write to what a link leads to."""
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (tmp_path / "uname").symlink_to(theirs)
    System(tmp_path).add("uname", "echo x86_64\n")
    assert theirs.read_text() == "theirs"
    assert "x86_64" in (tmp_path / "uname").read_text()


def test_nothing_missing(system: System) -> None:
    for args in ((), ("--check",), ("--check", "bench"), ("--list",)):
        done = system.run(*args)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert system.log == []


@pytest.mark.parametrize("goal,there,missing", [
    ("tools", LIBRARIES, "meson"),
    ("bench", ("benchmark", "inih", "liblzma"), "meson hwloc"),
    ("test", ("benchmark", "hwloc", "inih"), "meson liblzma cmocka"),
    ("tools", ("benchmark", "hwloc", "inih", "liblzma"), "meson"),
])
def test_check_is_one_line(system: System, goal: str,
                           there: tuple[str, ...], missing: str) -> None:
    system.remove("meson")
    system.has_libraries(*there)
    done = system.run("--check", goal)
    assert done.returncode == 1
    assert done.stderr == (f"iopt-bench: missing: {missing}; 'make deps' "
                           "installs it\n")
    assert system.log == []


@pytest.mark.parametrize("like", ["ID=debian", "ID=ubuntu\nID_LIKE=debian",
                                  'ID=mint\nID_LIKE="ubuntu debian"'])
def test_apt(system: System, like: str) -> None:
    system.remove("meson")
    done = system.run(like=like)
    assert done.returncode == 0, done.stderr
    assert system.log == ["apt-get install -q -y --no-install-recommends "
                          "meson"]


def test_apt_updates_when_it_does_not_know_a_package(system: System) -> None:
    system.remove("meson")
    system.add("apt-cache", "exit 100\n")
    assert system.run().returncode == 0
    assert [line.split()[1] for line in system.log] == ["update", "install"]


def test_apt_updates_when_the_mirror_has_moved_on(system: System) -> None:
    system.remove("meson")
    log = system.path / "log"
    system.add("apt-get", f'echo "apt-get $*" >>{log}\n'
               f'case $1 in update) echo >{system.path}/updated ;; esac\n'
               f'[ -e {system.path}/updated ] || exit 100\n'
               f'echo "exit 0" >{system.path}/meson\n'
               f'chmod 755 {system.path}/meson\n')
    assert system.run().returncode == 0
    assert [line.split()[1] for line in system.log] == \
        ["install", "update", "install"]


def test_dnf(system: System) -> None:
    system.remove("meson")
    assert system.run(like="ID=fedora").returncode == 0
    assert system.log == ["dnf install -y meson"]


def test_dnf_on_rhel_likes_has_more_repositories(system: System) -> None:
    system.remove("meson")
    done = system.run(like='ID="rocky"\nID_LIKE="rhel centos fedora"')
    assert done.returncode == 0, done.stderr
    assert system.log == ["dnf install -y epel-release", "crb enable",
                          "dnf install -y meson"]


def test_fedora_names(system: System) -> None:
    for name in (*COMMANDS, "pkg-config"):
        system.remove(name)
    done = system.run(like="ID=fedora")
    assert done.returncode == 1, "the fake installs but one of them"
    assert system.log == [
        "dnf install -y gcc gcc-c++ meson ninja-build pkgconf-pkg-config "
        "google-benchmark-devel hwloc-devel inih-devel xz-devel python3 "
        "libcmocka-devel xz git-core"]
    assert "still missing" in done.stderr


def test_other_distribution(system: System) -> None:
    system.remove("meson")
    system.has_libraries("benchmark", "hwloc", "inih", "cmocka")
    done = system.run(like="ID=arch")
    assert done.returncode == 2
    assert done.stdout == "meson\nliblzma\n"
    assert "not known" in done.stderr
    assert system.log == []


def test_sudo(system: System) -> None:
    system.remove("meson")
    system.add("id", "echo 1000\n")
    done = system.run()
    assert done.returncode == 1 and system.log == []
    assert "neither root nor sudo" in done.stderr
    log = system.path / "log"
    system.add("sudo", f'echo "sudo $1" >>{log}\nexec "$@"\n')
    assert system.run().returncode == 0
    assert system.log[:2] == ["sudo true", "sudo env"]


def test_failed_installation(system: System) -> None:
    system.remove("meson")
    system.add("apt-get", "echo no room\nexit 100\n")
    done = system.run()
    assert done.returncode == 1
    assert "no room" in done.stderr
    assert "installation failed" in done.stderr


QEMU_PACKAGES = "qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross"


def test_qemu_only_when_asked_for(system: System) -> None:
    """Its packages are of its own goal, and told how to get."""
    if not Path(KEYRING).exists():
        pytest.skip(f"no {KEYRING} here")
    system.add("dpkg-deb", "exit 0\n")
    system.add("uname", "echo x86_64\n")
    for args in ((), ("--check",), ("--check", "bench")):
        assert system.run(*args).returncode == 0
    done = system.run("--check", "qemu")
    assert done.returncode == 1
    assert done.stderr == (
        "iopt-bench: missing: qemu-system-aarch64 gcc-for-arm64 "
        "libc-for-arm64; 'scripts/deps --for qemu' installs it\n")
    assert system.run("--for", "qemu").returncode == 1
    assert system.log == ["apt-get install -q -y --no-install-recommends " +
                          QEMU_PACKAGES]


def test_compiler_for_arm64_may_lack_its_libc(system: System) -> None:
    if not Path(KEYRING).exists():
        pytest.skip(f"no {KEYRING} here")
    system.add("dpkg-deb", "exit 0\n")
    system.add("uname", "echo x86_64\n")
    system.add("qemu-system-aarch64", "exit 0\n")
    system.add("aarch64-linux-gnu-gcc", "echo libc.a\n")
    assert "missing: libc-for-arm64;" in system.run("--check", "qemu").stderr
    system.add("aarch64-linux-gnu-gcc", "echo /usr/lib/libc.a\n")
    assert system.run("--check", "qemu").returncode == 0
    system.add("uname", "echo aarch64\n")
    assert "gcc-for-arm64" in system.run("--check", "qemu").stderr


@pytest.fixture
def amd64(system: System) -> System:
    """With libraries of its own, none of arm64, and no cross compiler."""
    system.add("uname", "echo x86_64\n")
    system.add("pkg-config", 'case "$PKG_CONFIG_LIBDIR" in *aarch64*) '
               f"[ -e {system.path}/foreign ] ;; esac\n")
    log = system.path / "log"
    system.add("dpkg", f'case $1 in --add-architecture) echo "dpkg $*" >>{log};'
               f" echo $2 >{system.path}/arch ;; *) cat {system.path}/arch "
               "2>/dev/null ;; esac\n")
    system.add("apt-get", f'echo "apt-get $*" >>{log}\n'
               f"case $1 in install) touch {system.path}/foreign "
               f"{system.path}/aarch64-linux-gnu-g++ "
               f"{system.path}/qemu-aarch64-static\n"
               f"chmod 755 {system.path}/*aarch64-* ;; esac\n")
    system.tool("touch")
    return system


FOREIGN = ("libbenchmark-dev:arm64 libhwloc-dev:arm64 libinih-dev:arm64 "
           "liblzma-dev:arm64 libcmocka-dev:arm64 g++-aarch64-linux-gnu "
           "qemu-user-static")


def test_libraries_of_another_machine(amd64: System) -> None:
    for args in ((), ("--check",), ("--list",)):
        assert amd64.run(*args).stdout == "", "it has all of its own"
    missing = ("libbenchmark:arm64 hwloc:arm64 inih:arm64 liblzma:arm64 "
               "cmocka:arm64 g++-for-arm64 qemu-aarch64")
    arch = ("--arch", "arm64")
    done = amd64.run(*arch, "--check")
    assert done.returncode == 1
    assert done.stderr == (f"iopt-bench: missing: {missing}; 'make deps "
                           "ARCH=arm64' installs it\n")
    assert amd64.run(*arch, "--list").stdout.split() == missing.split()
    assert amd64.log == []
    done = amd64.run(*arch)
    assert done.returncode == 0, done.stderr
    assert amd64.log == [
        "dpkg --add-architecture arm64", "apt-get update -q",
        "apt-get install -q -y --no-install-recommends " + FOREIGN]
    assert amd64.run(*arch, "--list").stdout == ""


def test_apt_may_know_the_other_machine(amd64: System) -> None:
    (amd64.path / "arch").write_text("i386\narm64\n")
    assert amd64.run("--arch", "arm64").returncode == 0
    assert [line.split()[1] for line in amd64.log] == ["install"]


def test_arm64_on_arm64_is_nothing_else(amd64: System) -> None:
    amd64.add("uname", "echo aarch64\n")
    done = amd64.run("--arch", "arm64", "--list")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("like,name", [
    ("ID=fedora", "fedora"), ("ID=ubuntu\nID_LIKE=debian", "ubuntu"),
    ("NAME=x", "an unknown system")])
def test_arm64_elsewhere_than_on_debian(amd64: System, like: str,
                                        name: str) -> None:
    done = amd64.run("--arch", "arm64", like=like)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Debian only, not for {name};" in done.stderr
    assert done.stderr.count("\n") == 1
    assert amd64.log == []


@pytest.mark.parametrize("args", [("--check", "nonsense"), ("nonsense",),
                                  ("--for", "nonsense"), ("--arch",),
                                  ("--arch", "nonsense")])
def test_usage(system: System, args: tuple[str, ...]) -> None:
    assert system.run(*args).returncode == 2


def python(path: str, *args: str, **more: str) \
        -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ROOT / "scripts/python"), *args],
                          env={"PATH": path, **more}, text=True,
                          capture_output=True, check=False)


def test_python_skips_one_that_cannot_import(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    good = tmp_path / "good"
    good.mkdir()
    (good / "python3").symlink_to(sys.executable)
    done = python(f"{tmp_path}:{good}:/usr/bin:/bin", "--which")
    assert done.stdout == f"{good}/python3\n", done.stderr
    done = python(f"{tmp_path}:{good}:/usr/bin:/bin", "-c",
                  "import scipy; print('fine')")
    assert (done.returncode, done.stdout) == (0, "fine\n")


def test_python_none_fits() -> None:
    done = python("/usr/bin:/bin", "--with", "no_such_module", "--which")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("iopt-bench: no Python 3.9 or later imports numpy,"
                           " scipy, matplotlib, no_such_module: run 'make "
                           "deps'\n")


def test_python_that_was_asked_for() -> None:
    done = python("/usr/bin:/bin", "--which", PYTHON=sys.executable)
    assert done.stdout == sys.executable + "\n"
    done = python("/usr/bin:/bin", "--which", PYTHON="/bin/false")
    assert done.returncode == 1
    assert "PYTHON=/bin/false" in done.stderr
