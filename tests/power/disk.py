"""A disk that loses what was not made durable."""

import fcntl
import os
import struct
import subprocess
import sys

# From linux/fs.h and ext4.h: shut the file system down, and write nothing out, not even the journal.
SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2

SIZE = 768 << 20


class Impossible(Exception):
    """Why this machine cannot do it."""


class Disk:
    """An ext4 file system in an image, mounted on `folder`."""

    def __init__(self, home):
        if sys.platform != "linux":
            raise Impossible("it needs Linux")
        if os.geteuid() != 0:
            raise Impossible("mounting a file system needs root")
        self.image = home / "disk.img"
        self.folder = home / "disk"
        self.folder.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(SIZE)
        self._try("mkfs.ext4", "-q", "-F", str(self.image))

    def mount(self):
        self._try("mount", "-o", "loop", str(self.image), str(self.folder))

    def prove(self):
        """Proves that a cut bites: a file that nobody made durable goes, one that somebody did stays."""
        with open(self.folder / "durable", "w") as file:
            file.write("here")
            file.flush()
            os.fsync(file.fileno())
        (self.folder / "fleeting").write_text("gone")
        try:
            self.cut()
        except OSError as error:
            self.remove()
            raise Impossible(f"the file system cannot be shut down: {error}") from error
        self.mount_again()
        fleeting = self.folder / "fleeting"
        assert (self.folder / "durable").read_text() == "here", "a cut takes what was durable"
        assert not fleeting.exists() or not fleeting.read_text(), "a cut takes nothing"

    def cut(self):
        """The power fails: nothing more reaches the disk."""
        root = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(root, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(root)

    def mount_again(self):
        """The machine starts again."""
        subprocess.run(["umount", str(self.folder)], check=True)
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.folder)], check=True)

    def remove(self):
        subprocess.run(["umount", str(self.folder)], check=False)

    def _try(self, *command):
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise Impossible(f"there is no {command[0]}") from error
        if done.returncode != 0:
            raise Impossible(f"{' '.join(command)}: {done.stderr.strip()}")
