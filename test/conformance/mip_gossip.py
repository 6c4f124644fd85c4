"""MIP 1.0: judging messages of a topic, reading archives, written from docs/mip. Standard library only."""
from mip_bytes import Link, Refused, cid_of, decode, key_of, to_wire
from mip_logs import Fork, Rules, Stop, hold
from mip_objects import Signed

MESSAGE_BYTES_MAX = 65536
AHEAD_MAX = 128
BLOCK_BYTES_MAX = 4 << 20
NO_LOGS = object()


# --- topics.md ----------------------------------------------------------------------------------------------------------

def open_message(data):
    """The entry of a message, its body checked against it. @raises Refused"""
    if len(data) > MESSAGE_BYTES_MAX:
        raise Refused('too_large')
    parts = decode(data)
    if not isinstance(parts, list) or len(parts) not in (2, 3) or not all(isinstance(part, bytes) for part in parts):
        raise Refused('not_canonical')
    if len(parts[1]) != 64:
        raise Refused('not_canonical')
    if len(parts[0]) > 4096:
        raise Refused('too_large')
    entry = Signed('entry', to_wire(parts[0], parts[1]))
    if len(parts) == 3 and cid_of(parts[2]).text != entry.view['body']:
        raise Refused('wrong_body')
    return entry


def judge(data, nsid, state, rules: Rules):
    """(verdict, reason or None). `state`: None for a log that is not followed, NO_LOGS where none are kept."""
    try:
        entry = open_message(data)
        view = entry.view
        if view['op'] != 'cube.publish' or nsid not in view['sum'].get('topics', []):
            raise Refused('wrong_topic')
    except Refused as refused:
        return 'reject', refused.code
    if state is None:
        return 'ignore', 'not_followed'
    if state is not NO_LOGS:
        if (view['epoch'], view['seq']) <= (state['epoch'], state['seq']):
            return 'ignore', 'old'
        if view['epoch'] > state['epoch'] or view['seq'] > state['seq'] + AHEAD_MAX:
            return 'ignore', 'far_ahead'
    try:
        key = key_of(view['key'])
    except Refused as refused:
        return 'reject', refused.code
    if not entry.holds('entry', key):
        return 'reject', 'bad_signature'
    if state is NO_LOGS:
        return 'accept', None
    try:
        if view['seq'] > state['seq'] + 1:
            if state['frozen']:
                raise Stop('frozen')
            checks = rules.authorise(state, entry, past=False)
        else:
            checks = rules.judge(state, entry, {})[1]
    except Stop as stop:
        return 'ignore', stop.code
    except Fork:
        return 'ignore', 'fork'
    return ('accept', None) if hold(checks) else ('ignore', 'bad_signature')


# --- archives.md --------------------------------------------------------------------------------------------------------

def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 56:
            raise Refused('malformed')
        value |= (data[at] & 127) << shift
        at, shift, more = at + 1, shift + 7, data[at] >> 7
        if not more:
            return value, at


def part(data, at, length):
    if at + length > len(data):
        raise Refused('malformed')
    return data[at:at + length], at + length


def car_header(data):
    length, at = varint(data, 0)
    if length == 0:
        raise Refused('malformed')
    raw, at = part(data, at, length)
    try:
        fields = decode(raw)
    except Refused:
        raise Refused('malformed') from None
    if not isinstance(fields, dict) or fields.get('version') != 1 or not isinstance(fields.get('roots'), list):
        raise Refused('malformed')
    if len(fields['roots']) != 1 or not isinstance(fields['roots'][0], Link):
        raise Refused('header')
    return fields['roots'][0], at


def blocks(data, at):
    while at < len(data):
        length, at = varint(data, at)
        if length > BLOCK_BYTES_MAX + 36:
            raise Refused('block')
        raw, at = part(data, at, length)
        try:
            address = Link(raw[:36])
        except Refused:
            raise Refused('block') from None
        if cid_of(raw[36:], address.is_object) != address:
            raise Refused('hash')
        yield address, raw[36:]


def fields_of(data, code):
    try:
        fields = decode(data)
    except Refused:
        raise Refused(code) from None
    if not isinstance(fields, dict):
        raise Refused(code)
    return fields


def read_archive(data):
    """(org, log, entries, addresses of objects). @raises Refused"""
    root, at = car_header(data)
    header, frame, last, entries, objects = None, None, None, [], []
    for address, raw in blocks(data, at):
        if header is None:
            header = fields_of(raw, 'header')
            is_text = isinstance(header.get('org'), str) and isinstance(header.get('log'), str)
            if (address != root or header.get('v') != 1 or header.get('type') != 'mip/log-archive' or not is_text
                    or not isinstance(header.get('head'), Link)):
                raise Refused('header')
        elif frame is None:
            frame = fields_of(raw, 'frame')
            sig, count = frame.get('sig'), frame.get('objects')
            if (frame.get('v') != 1 or not isinstance(frame.get('entry'), Link) or not isinstance(sig, bytes) or len(sig) != 64
                    or type(count) is not int or count < 0 or last == header['head']):
                raise Refused('frame')
        elif frame['objects'] > 0:
            frame['objects'] -= 1
            objects.append(address.text)
        else:
            if address != frame['entry']:
                raise Refused('frame')
            entries.append(Signed('entry', to_wire(raw, frame['sig'])))
            last, frame = address, None
    if header is None or frame is not None or last != header['head']:
        raise Refused('truncated')
    return header['org'], header['log'], entries, objects
