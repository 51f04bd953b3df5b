"""Runs programs of an image's file tree as a container runtime would.

That is: in a mount namespace of their own, with a read-only root, as user 10001.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

USER = 10001
# The mounts of every runtime (/proc, /dev, /dev/shm of 64 MiB), and /data if it is asked for.
START = """
mount --make-rprivate /
mount --bind "$tree" "$tree"
mount --rbind /dev "$tree/dev"
mount -t tmpfs -o size=64m,mode=1777,nosuid,nodev shm "$tree/dev/shm"
mount -t proc proc "$tree/proc"
if [ -n "$data" ]; then mount --bind "$data" "$tree/data"; fi
mount -o remount,ro,bind "$tree"
exec env -i $variables "$chroot" --userspec=10001:10001 "$tree" "$@"
"""


class Image:
    """The files of an image, from `build.sh --tree`."""

    def __init__(self, tree: Path, variables: Mapping[str, str] | None = None) -> None:
        self.tree = tree.resolve()
        self.variables = {
            "PATH": "/usr/local/bin",
            "TMPDIR": "/dev/shm",
            "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
            "EDGEREEL_FFMPEG_DIR": "/usr/local/bin",
            **(variables or {}),
        }
        # A runtime creates the places of its mounts.
        for name in ("proc", "dev", "data"):
            (self.tree / name).mkdir(exist_ok=True)

    def command(
        self, arguments: Sequence[str], data: Path | None = None, more: Mapping[str, str] | None = None
    ) -> list[str]:
        """The command that runs `arguments` in the image, with the folder `data` as /data."""
        pairs = {**self.variables, **(more or {})}
        if data is not None:
            own(data)
        # Positional parameters keep values with spaces whole.
        script = START.replace("$variables", " ".join(f'"${{v{number}}}"' for number in range(len(pairs))))
        outside = {
            "tree": str(self.tree),
            "data": str(data or ""),
            "chroot": shutil.which("chroot") or "/usr/sbin/chroot",
        }
        outside |= {f"v{number}": f"{name}={value}" for number, (name, value) in enumerate(pairs.items())}
        settings = [f"{name}={value}" for name, value in outside.items()]
        return ["env", *settings, "unshare", "--mount", "sh", "-ec", script, "sh", *arguments]

    def run(
        self, *arguments: str, data: Path | None = None, more: Mapping[str, str] | None = None, seconds: float = 900
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program of the image to its end."""
        command = self.command(arguments, data, more)
        return subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )

    def start(self, *arguments: str, log: Path, more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Starts a program of the image. Each step of the command replaces itself, so the process is the program's."""
        with log.open("w") as file:
            command = self.command(arguments, None, more)
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True, stdin=subprocess.DEVNULL)


def own(folder: Path) -> None:
    """Gives a folder and what is in it to the user of the image."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, USER, USER, follow_symlinks=False)
