"""MIP 1.0: canonical bytes, addresses, keys and the signature rule, written from docs/mip. Standard library only."""
import base64
import hashlib
import re
import unicodedata

OBJECT_BYTES_MAX = 65536
DEPTH_MAX = 16
INT_MAX = 2**53 - 1


class Refused(Exception):
    """Something that MIP refuses. `code` is one of the stable codes."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


# --- canonical-bytes.md ---------------------------------------------------------------------------------------------

class Link:
    """A CID inside an object: 36 bytes."""

    def __init__(self, raw):
        if len(raw) != 36 or raw[0] != 1 or raw[1] not in (0x71, 0x55) or raw[2:4] != b'\x12\x20':
            raise Refused('not_canonical')
        self.raw = bytes(raw)

    def __eq__(self, other):
        return isinstance(other, Link) and other.raw == self.raw

    @property
    def text(self):
        return 'b' + base64.b32encode(self.raw).decode().lower().rstrip('=')

    @property
    def is_object(self):
        return self.raw[1] == 0x71


CID_TEXT = re.compile(r'baf[yk]rei[a-h][a-z2-7]{50}[aeimquy4]')
KEY = re.compile(r'[a-z][A-Za-z0-9]*')


def link_of(text):
    if not isinstance(text, str) or not CID_TEXT.fullmatch(text):
        raise Refused('invalid_cid')
    return Link(base64.b32decode(text[1:].upper() + '======'))


def cid_of(data, is_object=True):
    return Link(bytes([1, 0x71 if is_object else 0x55, 0x12, 0x20]) + hashlib.sha256(data).digest())


def check_text(text):
    if text.startswith('\ufeff') or unicodedata.normalize('NFC', text) != text:
        raise Refused('not_canonical')


def head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            return bytes([major << 5 | info]) + argument.to_bytes(width, 'big')
    raise Refused('not_canonical')


def encode(value, limit=OBJECT_BYTES_MAX):
    out = bytearray()
    _encode(value, out, 0)
    if len(out) > limit:
        raise Refused('too_large')
    return bytes(out)


def _encode(value, out, depth):
    if value is None or value is True or value is False:
        out.append({None: 0xF6, True: 0xF5, False: 0xF4}[value])
    elif type(value) is int:
        if abs(value) > INT_MAX:
            raise Refused('not_canonical')
        out += head(0, value) if value >= 0 else head(1, -1 - value)
    elif isinstance(value, bytes):
        out += head(2, len(value)) + value
    elif isinstance(value, str):
        try:
            data = value.encode('utf-8')
        except UnicodeEncodeError:
            raise Refused('not_canonical') from None
        check_text(value)
        out += head(3, len(data)) + data
    elif isinstance(value, Link):
        out += b'\xd8\x2a\x58\x25\x00' + value.raw
    elif isinstance(value, (list, dict)):
        if depth == DEPTH_MAX:
            raise Refused('not_canonical')
        if isinstance(value, list):
            out += head(4, len(value))
            for item in value:
                _encode(item, out, depth + 1)
        else:
            out += head(5, len(value))
            if not all(isinstance(key, str) and KEY.fullmatch(key) for key in value):
                raise Refused('not_canonical')
            for key in sorted(value, key=lambda key: (len(key), key)):
                _encode(key, out, depth)
                _encode(value[key], out, depth + 1)
    else:
        raise Refused('not_canonical')


def decode(data, limit=OBJECT_BYTES_MAX):
    """The value of canonical bytes. Every rule is checked where the bytes are read, so nothing has to be encoded again."""
    if len(data) > limit:
        raise Refused('not_canonical')
    value, at = _decode(data, 0, 0)
    if at != len(data):
        raise Refused('not_canonical')
    return value


def _decode(data, at, depth):
    if at >= len(data):
        raise Refused('not_canonical')
    major, info = data[at] >> 5, data[at] & 31
    if major == 7:
        if data[at] not in (0xF4, 0xF5, 0xF6):
            raise Refused('not_canonical')
        return {0xF4: False, 0xF5: True, 0xF6: None}[data[at]], at + 1
    at += 1
    argument = info
    if info >= 24:
        width = {24: 1, 25: 2, 26: 4, 27: 8}.get(info)
        if width is None or at + width > len(data):
            raise Refused('not_canonical')
        argument = int.from_bytes(data[at:at + width], 'big')
        at += width
        if argument < (24 if width == 1 else 1 << 4 * width):
            raise Refused('not_canonical')
    if major in (0, 1):
        value = argument if major == 0 else -1 - argument
        if abs(value) > INT_MAX:
            raise Refused('not_canonical')
        return value, at
    if major in (2, 3):
        if argument > len(data) - at:
            raise Refused('not_canonical')
        part = bytes(data[at:at + argument])
        if major == 2:
            return part, at + argument
        try:
            text = part.decode('utf-8')
        except UnicodeDecodeError:
            raise Refused('not_canonical') from None
        check_text(text)
        return text, at + argument
    if major == 6:
        if argument != 42 or data[at:at + 3] != b'\x58\x25\x00':
            raise Refused('not_canonical')
        return Link(data[at + 3:at + 39]), at + 39
    if depth == DEPTH_MAX or argument > len(data) - at:
        raise Refused('not_canonical')
    if major == 4:
        items = []
        for _ in range(argument):
            item, at = _decode(data, at, depth + 1)
            items.append(item)
        return items, at
    fields, last = {}, None
    for _ in range(argument):
        key, at = _decode(data, at, depth + 1)
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise Refused('not_canonical')
        order = (len(key), key)
        if last is not None and order <= last:
            raise Refused('not_canonical')
        last = order
        fields[key], at = _decode(data, at, depth + 1)
    return fields, at


def from_base64url(text):
    if not isinstance(text, str) or not re.fullmatch(r'[A-Za-z0-9_-]*', text) or len(text) % 4 == 1:
        raise Refused('not_canonical')
    data = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    if to_base64url(data) != text:
        raise Refused('not_canonical')
    return data


def to_base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip('=')


def to_json(value):
    if isinstance(value, bytes):
        return {'$bytes': to_base64url(value)}
    if isinstance(value, Link):
        return {'$link': value.text}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value


def from_json(view, depth=0):
    if isinstance(view, float):
        if not view.is_integer() or str(view).startswith('-0'):
            raise Refused('not_canonical')
        return int(view)
    if isinstance(view, (list, dict)) and depth > DEPTH_MAX:
        raise Refused('not_canonical')
    if isinstance(view, list):
        return [from_json(item, depth + 1) for item in view]
    if isinstance(view, dict):
        if '$link' in view or '$bytes' in view:
            if len(view) != 1:
                raise Refused('not_canonical')
            return link_of(view['$link']) if '$link' in view else from_base64url(view['$bytes'])
        return {key: from_json(item, depth + 1) for key, item in view.items()}
    return view


# --- signatures.md --------------------------------------------------------------------------------------------------

BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
DID = re.compile(r'did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}')


def to_base58(data):
    number, text = int.from_bytes(data, 'big'), ''
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return '1' * (len(data) - len(data.lstrip(b'\0'))) + text


def did_of(key):
    return 'did:key:z' + to_base58(b'\xed\x01' + key)


def key_of(did):
    if not isinstance(did, str) or not DID.fullmatch(did):
        raise Refused('invalid_key')
    number = 0
    for letter in did[9:]:
        number = number * 58 + BASE58.index(letter)
    data = number.to_bytes(40, 'big').lstrip(b'\0')
    if len(data) != 34 or data[:2] != b'\xed\x01':
        raise Refused('invalid_key')
    return data[2:]


def peer_id_of(key):
    return to_base58(bytes.fromhex('002408011220') + key)


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SMALL_ORDER_Y = {int.from_bytes(bytes.fromhex(y), 'little') for y in (
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')}


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _point(data):
    """RFC 8032, section 5.1.3; None for bytes that are no point."""
    y = int.from_bytes(data, 'little')
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def _bytes_of(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, 'little')


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, 'little'))


def _hash(*parts):
    return int.from_bytes(hashlib.sha512(b''.join(parts)).digest(), 'little')


def _is_usable(data):
    y = int.from_bytes(data, 'little') & (1 << 255) - 1
    return y < P and y not in SMALL_ORDER_Y


def verify_pure(signature, message, key):
    if len(signature) != 64 or len(key) != 32:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], 'little')
    if s >= L or not _is_usable(key) or not _is_usable(r):
        return False
    a = _point(key)
    if a is None:
        return False
    k = _hash(r, key, message) % L
    return _bytes_of(_add(_multiply(s, BASE), _multiply(k, (P - a[0], a[1], 1, P - a[3])))) == r


def public_key_of(seed):
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], 'little')
    return _bytes_of(_multiply(scalar & (1 << 254) - 8 | 1 << 254, BASE))


def sign_pure(message, seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], 'little') & (1 << 254) - 8 | 1 << 254
    key = _bytes_of(_multiply(scalar, BASE))
    r = _hash(digest[32:], message) % L
    big_r = _bytes_of(_multiply(r, BASE))
    return big_r + ((r + _hash(big_r, key, message) * scalar) % L).to_bytes(32, 'little')


def verify_native(signature, message, key):
    """Steps 1 to 4 of the rule here, the rest by a library that is cofactorless."""
    if len(signature) != 64 or len(key) != 32 or int.from_bytes(signature[32:], 'little') >= L:
        return False
    if not _is_usable(key) or not _is_usable(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


verify, sign = verify_pure, sign_pure
try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    verify = verify_native
    sign = lambda message, seed: Ed25519PrivateKey.from_private_bytes(seed).sign(message)
except ImportError:
    pass


def signing_input(domain, cid):
    return b'mip/1/' + domain.encode() + b'\0' + cid.raw


def to_wire(data, signature):
    return encode([data, signature])


def open_wire(wire, limit):
    if len(wire) > limit + 72:
        raise Refused('too_large')
    try:
        value = decode(wire)
    except Refused:
        raise Refused('not_canonical') from None
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(item, bytes) for item in value) or len(value[1]) != 64:
        raise Refused('not_canonical')
    if len(value[0]) > limit:
        raise Refused('too_large')
    return value[0], value[1]


def open_map(data, limit):
    if len(data) > limit:
        raise Refused('too_large')
    value = decode(data)
    if not isinstance(value, dict):
        raise Refused('invalid_entry')
    return value
