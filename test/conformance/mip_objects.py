"""MIP 1.0: entries, heads and delegations, written from docs/mip. Standard library only."""
import re

from mip_bytes import (DID, CID_TEXT, INT_MAX, Link, Refused, cid_of, encode, from_base64url, key_of, link_of, open_map,
                       open_wire, sign, signing_input, to_base64url, to_wire, verify)

SIGNED_BYTES_MAX = 4096
SKEW_MS = 300_000
DELEGATION_MS_MAX = 90 * 86_400_000


# --- fields: each reader takes the value in the object and gives the one in the view -----------------------------------

def refuse(code='invalid_entry'):
    raise Refused(code)


def utf16_length(text):
    return len(text.encode('utf-16-le')) // 2


def integer(low=-INT_MAX, high=INT_MAX):
    return lambda value: value if type(value) is int and low <= value <= high else refuse()


def text(pattern=None, low=0, high=None):
    def read(value):
        fits = isinstance(value, str) and utf16_length(value) >= low and (high is None or utf16_length(value) <= high)
        return value if fits and (pattern is None or re.fullmatch(pattern, value)) else refuse()
    return read


def items(read, low=0, high=None):
    def read_all(value):
        if not isinstance(value, list) or len(value) < low or (high is not None and len(value) > high):
            refuse()
        return [read(item) for item in value]
    return read_all


def link(value):
    return value.text if isinstance(value, Link) and value.is_object else refuse()


def raw(length, to_text):
    return lambda value: to_text(value) if isinstance(value, bytes) and len(value) == length else refuse()


def or_null(read):
    return lambda value: None if value is None else read(value)


def one_of(*values):
    return lambda value: value if type(value) is type(values[0]) and value in values else refuse()


def shape(value, fields, closed=False):
    """Fields whose name ends with `?` are optional."""
    if not isinstance(value, dict):
        refuse()
    names = {name.rstrip('?') for name in fields}
    if closed and set(value) - names:
        refuse()
    view = {}
    for name, read in fields.items():
        key = name.rstrip('?')
        if key in value:
            view[key] = read(value[key])
        elif not name.endswith('?'):
            refuse()
    return view


did = text(DID.pattern)
log_name = text(r'[a-z][a-z0-9-]{0,62}')
time = integer(-8_640_000_000_000_000, 8_640_000_000_000_000)
count = integer(0)
hex32 = raw(32, bytes.hex)
cube_id = text(r'[0-7][0-9A-HJKMNP-TV-Z]{25}')
topics = items(text(low=1, high=64), high=32)
addresses = items(text(low=1, high=256), high=16)
op_name = text(r'[a-z]+(\.[a-z][a-z-]*)+', high=64)

SUMS = {
    'org.genesis': {'next': hex32, 'recovery?': did, 'agreement?': raw(32, to_base64url)},
    'org.rotate': {'next': hex32, 'recovery?': did, 'root': did},
    'org.delegate': {'delegation': link},
    'org.revoke-key': {'delegation': link, 'lastSeq': integer(-1), 'log': or_null(log_name)},
    'org.replicas': {'urls': addresses, 'addrs': addresses},
    'cube.publish': {'topics?': topics, 'title?': text(low=1, high=256), 'size?': count, 'cube?': cube_id, 'rev?': integer(1),
                     'kinds?': items(text(r'[a-z][a-z0-9_]{0,31}'), high=16), 'price?': count},
    'cube.revoke': {'cube': cube_id, 'fromRev?': integer(1), 'reason': one_of('superseded', 'error', 'legal', 'compromised'),
                    'scope': one_of('cube', 'derived')},
    'log.resolve': {'survivor': link},
}
ENTRY = {'v': one_of(1), 'org': did, 'log': log_name, 'epoch': count, 'seq': count, 'prev': or_null(link), 'ts': time, 'op': op_name,
         'key': did, 'dlg': or_null(link), 'body': or_null(link), 'crit?': items(text(high=64), 1, 16)}
HEAD = {'v': one_of(1), 'org': did, 'log': log_name, 'epoch': count, 'seq': count, 'cid': link, 'ts': time, 'key': did,
        'dlg': or_null(link)}
POLICY = {'log?': log_name, 'topics?': topics, 'kinds?': items(text(high=32), high=16), 'maxBytes?': count}
DELEGATION = {'v': one_of(1), 'iss': did, 'aud': did, 'sub': did, 'cmd': text(r'/mip(/[a-z-]+)+', high=64),
              'pol': lambda value: shape(value, POLICY, closed=True), 'nbf': time, 'exp': time, 'nonce': raw(16, to_base64url),
              'prf': or_null(link)}
RECEIPT = {'v': one_of(1), 'org': did, 'of': did, 'log': log_name, 'epoch': count, 'seq': count, 'revoke': link, 'cube': cube_id,
           'revisions': items(integer(1), high=64), 'cubes': count, 'renditions': count, 'blobs': count, 'ts': time, 'key': did,
           'dlg': or_null(link)}
UNDERSTOOD = {'sum', *SUMS, *(name.rstrip('?') for fields in (ENTRY, *SUMS.values()) for name in fields)}


# --- entries.md, heads-and-forks.md, delegations.md: reading ------------------------------------------------------------

class Signed:
    """A signed object: its view, bytes, CID and signature. The signature is not looked at."""

    def __init__(self, kind, wire):
        self.wire = wire
        self.bytes, self.signature = open_wire(wire, SIGNED_BYTES_MAX)
        self.cid = cid_of(self.bytes)
        self.address = cid_of(wire).text
        self.view = {'entry': entry_view, 'head': head_view, 'delegation': delegation_view,
                     'erase': receipt_view}[kind](self.bytes)

    def holds(self, domain, key):
        return verify(self.signature, signing_input(domain, self.cid), key)


def entry_view(data):
    fields = open_map(data, SIGNED_BYTES_MAX)
    arguments = fields.get('sum')
    if not isinstance(arguments, (dict, list, bytes, Link)):
        refuse()
    if len(encode(arguments)) > 1024:
        refuse('too_large')
    view = shape(fields, ENTRY)
    if not isinstance(arguments, dict):
        refuse()
    view['sum'] = shape(arguments, SUMS[view['op']]) if view['op'] in SUMS else {}
    first = view['seq'] == 0
    wrong = (first != (view['prev'] is None) or (first and view['epoch'] != 0)
             or (view['op'] == 'org.genesis' and not first)
             or (view['op'] == 'cube.publish' and view['body'] is None)
             or (view['op'] == 'org.delegate' and view['body'] != view['sum']['delegation'])
             or (view['op'] == 'log.resolve' and view['prev'] != view['sum']['survivor']))
    return refuse() if wrong else view


def head_view(data):
    return shape(open_map(data, SIGNED_BYTES_MAX), HEAD)


def delegation_view(data):
    return shape(open_map(data, SIGNED_BYTES_MAX), DELEGATION)


def receipt_view(data):
    return shape(open_map(data, SIGNED_BYTES_MAX), RECEIPT)


LINKS = {'prev', 'dlg', 'body', 'delegation', 'survivor', 'cid', 'prf'}
TEXTS = {'next': bytes.fromhex, 'agreement': from_base64url, 'nonce': from_base64url}


def object_of(view, field=''):
    """The object of a view: links and bytes stand as text in the fields that are called so."""
    if isinstance(view, dict):
        return {key: object_of(value, key) for key, value in view.items()}
    if isinstance(view, list):
        return [object_of(value) for value in view]
    if isinstance(view, float) and view.is_integer():
        return int(view)
    if isinstance(view, str) and field in LINKS:
        return link_of(view) if CID_TEXT.fullmatch(view) else refuse()
    if isinstance(view, str) and field in TEXTS:
        try:
            return TEXTS[field](view)
        except (ValueError, Refused):
            refuse()
    return view


def sign_view(kind, view, seed):
    """The signed wire of a view. @raises Refused"""
    data = encode(object_of(known_fields(kind, view)))
    if len(data) > SIGNED_BYTES_MAX:
        refuse('too_large')
    {'entry': entry_view, 'head': head_view, 'delegation': delegation_view}[kind](data)
    return to_wire(data, sign(signing_input(kind, cid_of(data)), seed)), cid_of(data)


def known_fields(kind, view):
    """What the shape names: a writer puts nothing else into an object."""
    if not isinstance(view, dict):
        refuse()
    fields = {'entry': {**ENTRY, 'sum': None}, 'head': HEAD, 'delegation': DELEGATION}[kind]
    names = {name.rstrip('?') for name in fields}
    return {key: value for key, value in view.items() if key in names}


# --- delegations.md -----------------------------------------------------------------------------------------------------

def read_chain(address, wires):
    chain = []
    while address is not None:
        if len(chain) == 3:
            refuse('delegation_too_deep')
        if address not in wires:
            refuse('delegation_missing')
        chain.append(Signed('delegation', wires[address]))
        if chain[-1].address != address:
            refuse('delegation_missing')
        address = chain[-1].view['prf']
    return chain


def is_narrower(child, parent):
    def within(name):
        return name not in parent or (name in child and all(item in parent[name] for item in child[name]))
    return (('log' not in parent or child.get('log') == parent['log']) and within('topics') and within('kinds')
            and ('maxBytes' not in parent or ('maxBytes' in child and child['maxBytes'] <= parent['maxBytes'])))


def check_chain(chain, org, command):
    for position, one in enumerate(chain):
        view = one.view
        parent = chain[position + 1].view if position + 1 < len(chain) else None
        if view['sub'] != org:
            refuse('wrong_org')
        if view['cmd'] != command:
            refuse('delegation_wrong_command')
        if view['exp'] - view['nbf'] > DELEGATION_MS_MAX:
            refuse('delegation_too_long')
        if parent is None:
            continue
        if view['iss'] != parent['aud']:
            refuse('delegation_broken')
        if view['nbf'] < parent['nbf'] or view['exp'] > parent['exp'] or not is_narrower(view['pol'], parent['pol']):
            refuse('delegation_widened')


def check_use(leaf, key, at):
    if leaf['aud'] != key:
        refuse('delegation_broken')
    if at < leaf['nbf'] - SKEW_MS:
        refuse('delegation_early')
    if at >= leaf['exp'] + SKEW_MS:
        refuse('delegation_expired')


def permits(policy, view):
    if policy.get('log', view['log']) != view['log']:
        return False
    if view['op'] != 'cube.publish':
        return True
    said = view['sum']
    for name in ('topics', 'kinds'):
        if name in policy and not (said.get(name) and all(item in policy[name] for item in said[name])):
            return False
    return 'maxBytes' not in policy or ('size' in said and said['size'] <= policy['maxBytes'])


def verify_delegation(address, wires, org, command, aud, at, roots, revoked):
    chain = read_chain(address, wires)
    check_chain(chain, org, command)
    check_use(chain[0].view, aud, at)
    if chain[-1].view['iss'] not in roots:
        refuse('unknown_key')
    if any(one.address in revoked for one in chain):
        refuse('key_revoked')
    if not all(one.holds('delegation', key_of(one.view['iss'])) for one in chain):
        refuse('bad_signature')


# --- revocation.md, receipts --------------------------------------------------------------------------------------------

def verify_receipt(receipt, entry, wires, roots, revoked, now):
    """`entry`: what stands where the receipt says, or None; `roots`: those that `main` has had, or None where it was not read."""
    view = receipt.view
    said = entry.view['sum'] if entry is not None and entry.view['op'] == 'cube.revoke' else None
    place = ('log', 'epoch', 'seq')
    if (said is None or entry.view['org'] != view['of'] or any(entry.view[name] != view[name] for name in place)
            or entry.cid.text != view['revoke'] or said['cube'] != view['cube']
            or any(number < said.get('fromRev', 1) for number in view['revisions'])):
        refuse('not_revoked')
    if view['ts'] > now + SKEW_MS:
        refuse('delegation_early')
    if view['dlg'] is None:
        if view['key'] != (roots[-1] if roots else view['org']):
            refuse('unknown_key')
    else:
        verify_delegation(view['dlg'], wires, view['org'], '/mip/log/append', view['key'], view['ts'], roots or [view['org']], revoked)
        if 'log' in Signed('delegation', wires[view['dlg']]).view['pol']:
            refuse('not_allowed')
    if not receipt.holds('erase', key_of(view['key'])):
        refuse('bad_signature')
