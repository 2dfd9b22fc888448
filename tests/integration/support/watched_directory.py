"""Everything that happens in a directory, told by inotify: nothing that lasts a moment is missed."""

import ctypes
import os
import struct

CREATE, MODIFY, MOVED_TO, CLOSE_WRITE, DELETE, MOVED_FROM, ATTRIB = 0x100, 0x2, 0x80, 0x8, 0x200, 0x40, 0x4
NAMES = {CREATE: "create", MODIFY: "modify", MOVED_TO: "moved_to", CLOSE_WRITE: "close_write", DELETE: "delete",
         MOVED_FROM: "moved_from", ATTRIB: "attrib"}
HEADER = struct.Struct("iIII")


class WatchedDirectory:
    """Collects (event, name) until it is asked for them."""

    def __init__(self, path):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._fd >= 0, os.strerror(ctypes.get_errno())
        assert self._libc.inotify_add_watch(self._fd, str(path).encode(), sum(NAMES)) >= 0

    def events(self) -> list:
        """What has happened since it was asked last, in order."""
        found = []
        while True:
            try:
                data = os.read(self._fd, 65536)
            except BlockingIOError:
                return found
            while data:
                _, mask, _, length = HEADER.unpack_from(data)
                name = data[HEADER.size:HEADER.size + length].rstrip(b"\0").decode()
                found += [(word, name) for bit, word in NAMES.items() if mask & bit]
                data = data[HEADER.size + length:]

    def close(self):
        os.close(self._fd)
