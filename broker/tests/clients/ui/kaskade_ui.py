"""Looks at a broker as a person does: kaskade in a terminal, keys in, the screen out.

    kaskade_ui.py HOST:PORT TOPIC GROUP

The topic has twelve records `{"n":1}` to `{"n":12}` in one partition, of which the group has committed five. Its
name is the first of all.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

import pyte

COLUMNS, ROWS = 160, 45
# Seconds until something that is waited for is a failure.
LIMIT = 60
RIGHT, ENTER = b"\x1b[C", b"\r"


class Terminal:
    """A program that runs in a terminal of its own."""

    def __init__(self, *words):
        program = Path(sys.executable).parent / "kaskade"
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(program, [program, *words])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def expect(self, *patterns, pressing=None):
        """Reads until each of the patterns is on the screen at once; the key is pressed again whenever nothing moves."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if all(re.search(pattern, self.text()) for pattern in patterns):
                return
            if select.select([self.fd], [], [], 0.5)[0]:
                try:
                    self.stream.feed(os.read(self.fd, 65536))
                except OSError:  # It has ended.
                    break
            elif pressing:
                os.write(self.fd, pressing)
        raise SystemExit(f"not on the screen: {patterns}\n{self.text()}")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def topics_and_groups(server, topic, group):
    terminal = Terminal("admin", "--bootstrap-servers", server)
    # The list, with the lag of each topic: seven records are to be read.
    terminal.expect(rf"{topic} .*≈7\b", "__consumer_offsets")
    print("ok topics", flush=True)
    # It is the first in the list.
    details = (r"Partitions \[3\]", r"Groups \[1\]", r"\b0 +1 +0 +12 +12 +\[1\] +\[1\]")
    terminal.expect(rf"Topic Details \[{topic}\]", *details, pressing=ENTER)
    print("ok partitions", flush=True)
    # One tab after the other, until that of the offsets is there.
    terminal.expect(rf"{group} +0 +5 +12 +7\b", pressing=RIGHT)
    print("ok lag", flush=True)
    terminal.close()


def messages(server, topic):
    terminal = Terminal("consumer", "--bootstrap-servers", server, "--topic", topic, "--earliest", "--value", "json")
    terminal.expect(*(rf"\{{.n.: ?{number}\}} .* 0 +{number - 1} " for number in range(1, 13)))
    print("ok messages", flush=True)
    terminal.close()


if __name__ == "__main__":
    server, topic, group = sys.argv[1:]
    topics_and_groups(server, topic, group)
    messages(server, topic)
