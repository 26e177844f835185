"""A second implementation of the dm-log-writes format, for tests: makes logs, and replays them as replay-log does.

Written from the format's description alone (the kernel's log-writes.rst) and sharing nothing with the C code, so that a
misunderstanding would have to happen twice.
"""

import struct

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK, METADATA = 1, 2, 4, 8, 16


class Log:
    """A log in the making."""

    def __init__(self, sector=512):
        self.sector, self.n, self.body = sector, 0, bytearray()

    def entry(self, sector=0, nr_sectors=0, flags=0, data_len=0, inline=b"", data=b""):
        head = struct.pack("<QQQQ", sector, nr_sectors, flags, data_len) + inline
        self.body += head.ljust(self.sector, b"\0") + data
        self.n += 1
        return self

    def write(self, sector, data, flags=0):
        assert len(data) % self.sector == 0
        return self.entry(sector, len(data) // self.sector, flags, data=data)

    def flush(self):
        return self.entry(flags=FLUSH)

    def discard(self, sector, nr_sectors):
        return self.entry(sector, nr_sectors, DISCARD)

    def mark(self, text):
        return self.entry(flags=MARK, data_len=len(text), inline=text.encode())

    def bytes(self, magic=MAGIC, version=1, n=None, sector=None):
        head = struct.pack("<QQQI", magic, version, self.n if n is None else n, self.sector if sector is None else sector)
        return head.ljust(self.sector, b"\0") + bytes(self.body)


def entries(log):
    """(sector size, [(device offset, length, flags, data or mark text)])."""
    magic, version, n, size = struct.unpack_from("<QQQI", log)
    assert (magic, version) == (MAGIC, 1)
    found, at = [], size
    for _ in range(n):
        sector, count, flags, data_len = struct.unpack_from("<QQQQ", log, at)
        text = log[at + 32 : at + 32 + data_len] if flags & MARK else b""
        at += size
        data = b""
        if count and not flags & DISCARD:
            data = log[at : at + count * size]
            assert len(data) == count * size
            at += count * size
        found.append((sector * size, count * size, flags, text or data))
    return size, found


def replay(log, base, limit=None, end_mark=None):
    """The device after `limit` entries, or at a mark; a discard reads as zeros."""
    image = bytearray(base)
    for i, (off, length, flags, data) in enumerate(entries(log)[1]):
        if limit is not None and i == limit:
            break
        if flags & MARK:
            if end_mark is not None and data == end_mark.encode():
                break
            continue
        if length:
            assert off + length <= len(image)
            image[off : off + length] = bytes(length) if flags & DISCARD else data
    return bytes(image)
