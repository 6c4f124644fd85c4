"""MIP 1.0: set reconciliation, written from docs/mip/reconciliation.md. Standard library only."""
import hashlib

from mip_bytes import Refused

END = (float('inf'), b'')
RESERVE = 1200


def item(number):
    """Item of the vectors."""
    return 1_760_000_000_000 + 1000 * (number // 3), hashlib.sha256(f'mip-recon/{number}'.encode()).digest()


def varint(value):
    digits = [value % 128]
    while value >= 128:
        value //= 128
        digits.append(value % 128 | 128)
    return bytes(reversed(digits))


def fingerprint(items):
    total = sum(int.from_bytes(one, 'little') for _, one in items) % (1 << 256)
    return hashlib.sha256(total.to_bytes(32, 'little') + varint(len(items))).digest()[:16]


class Writer:
    def __init__(self):
        self.data, self.last = bytearray(b'\x61'), 0

    def bound(self, bound):
        time, prefix = bound
        self.data += varint(0) if time == END[0] else varint(time - self.last + 1)
        self.last = time
        self.data += varint(len(prefix)) + prefix

    def range(self, bound, mode, payload):
        self.bound(bound)
        self.data += bytes([mode]) + payload


class Reader:
    def __init__(self, data):
        self.data, self.at, self.last = data, 0, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Refused('cut_short')
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        value, more = 0, 1
        while more:
            byte = self.take(1)[0]
            value, more = value * 128 + byte % 128, byte >> 7
            if value > 2 ** 53 - 1:
                raise Refused('bad_varint')
        return value

    def bound(self):
        said = self.varint()
        time = END[0] if said == 0 else self.last + said - 1
        if time != END[0] and time > 2 ** 53 - 1:
            raise Refused('bad_bound')
        self.last = time
        length = self.varint()
        if length > 32:
            raise Refused('bad_bound')
        return time, self.take(length)


class Set:
    def __init__(self, items, bytes_max):
        self.items, self.max = sorted(set(items)), bytes_max

    def initiate(self):
        out = Writer()
        self.split(0, len(self.items), END, out)
        return bytes(out.data)

    def split(self, low, high, bound, out):
        count = high - low
        if count < 32:
            ids = [one for _, one in self.items[low:high]]
            return out.range(bound, 2, varint(count) + b''.join(ids))
        for bucket in range(16):
            to = low + count // 16 + (bucket < count % 16)
            out.range(bound if to == high else self.between(to), 1, fingerprint(self.items[low:to]))
            low = to

    def between(self, at):
        (before, one), (time, other) = self.items[at - 1], self.items[at]
        if before != time:
            return time, b''
        shared = next(i for i in range(32) if one[i] != other[i])
        return time, other[:shared + 1]

    def answer(self, message):
        version = Reader(message).take(1)[0]
        if not 0x60 <= version <= 0x6f:
            raise Refused('bad_version')
        return b'\x61' if version != 0x61 else self.walk(message, False)[0]

    def next(self, answer):
        if Reader(answer).take(1)[0] != 0x61:
            raise Refused('bad_version')
        message, have, need = self.walk(answer, True)
        return None if message == b'\x61' else message, have, need

    def walk(self, message, is_initiator):
        reader, out, have, need = Reader(message), Writer(), [], []
        reader.take(1)
        low, before, skips = 0, (0, b''), False
        while reader.at < len(message):
            bound, mode = reader.bound(), reader.varint()
            high = low
            while high < len(self.items) and self.items[high] < bound:
                high += 1
            cut, agreed = False, True
            if mode == 1:
                agreed = reader.take(16) == fingerprint(self.items[low:high])
            elif mode == 2:
                theirs = [reader.take(32) for _ in range(reader.varint())]
                agreed = is_initiator
                if is_initiator:
                    ours = [one for _, one in self.items[low:high]]
                    have += [one for one in ours if one not in theirs]
                    need += [one for one in set(theirs) if one not in ours]
            elif mode != 0:
                raise Refused('bad_mode')
            if not agreed:
                if skips:
                    out.range(before, 0, b'')
                skips = False
                if mode == 1:
                    self.split(low, high, bound, out)
                else:
                    room = max(0, (self.max - RESERVE - len(out.data)) // 32)
                    cut = low + room < high
                    high = min(high, low + room)
                    ids = [one for _, one in self.items[low:high]]
                    out.range(self.items[high] if cut else bound, 2, varint(len(ids)) + b''.join(ids))
            skips = skips or agreed
            if cut or len(out.data) > self.max - RESERVE:
                out.range(END, 1, fingerprint(self.items[high:]))
                break
            low, before = high, bound
        return bytes(out.data), have, need
