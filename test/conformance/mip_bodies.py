"""MIP 1.0: revisions, models, manifests, safetensors and revocation, written from docs/mip. Standard library only."""
import hashlib
import json
import math
import re

from mip_bytes import CID_TEXT, Link, Refused, cid_of, decode, encode, from_base64url, link_of, to_base64url
from mip_objects import cube_id, hex32, integer, items, link, one_of, or_null, raw, refuse, shape, text, time


# --- blobs.md -----------------------------------------------------------------------------------------------------------

PAGE_HASHES = 2040


def open_manifest(data):
    try:
        fields = decode(data)
    except Refused:
        refuse('not_mip_cbor')
    if not isinstance(fields, dict):
        refuse('form')

    def number(name, low, high, code):
        value = fields.get(name)
        return value if type(value) is int and low <= value <= high else refuse(code)
    number('v', 1, 1, 'version')
    size = number('size', 0, 64 << 30, 'size')
    chunk = number('chunk', 1 << 16, 1 << 22, 'chunk')
    chunks = -(-size // chunk)
    if chunks > 1_048_576:
        refuse('count')
    here, other = ('hashes', 'pages') if chunks <= PAGE_HASHES else ('pages', 'hashes')
    if other in fields:
        refuse('form')
    value = fields.get(here)
    if not isinstance(value, bytes if here == 'hashes' else list):
        refuse('form')
    if len(value) != (32 * chunks if here == 'hashes' else -(-chunks // PAGE_HASHES)):
        refuse('count')
    if here == 'hashes':
        return {'size': size, 'chunk': chunk, 'hashes': value.hex()}
    if not all(isinstance(page, Link) and not page.is_object for page in value):
        refuse('form')
    return {'size': size, 'chunk': chunk, 'pages': [page.text for page in value]}


def encode_manifest(size, chunk, hashes):
    if len(hashes) <= PAGE_HASHES:
        return encode({'v': 1, 'size': size, 'chunk': chunk, 'hashes': b''.join(hashes)}), []
    pages = [b''.join(hashes[at:at + PAGE_HASHES]) for at in range(0, len(hashes), PAGE_HASHES)]
    links = [cid_of(page, is_object=False) for page in pages]
    return encode({'v': 1, 'size': size, 'chunk': chunk, 'pages': links}), [one.text for one in links]


# --- models.md ----------------------------------------------------------------------------------------------------------

word = text(low=1, high=64)
dtype = one_of('fp32', 'fp16', 'bf16', 'q8', 'q4')
layout = one_of('bhtd', 'bthd')


def settings(value):
    fits = isinstance(value, dict) and len(value) <= 32 and all(re.fullmatch(r'[a-z][A-Za-z0-9]{0,63}', name) for name in value)
    return {name: integer()(item) for name, item in value.items()} if fits else refuse()


def closed(fields):
    return lambda value: shape(value, fields, closed=True)


DESCRIPTOR = {'v': one_of(1), 'arch': word, 'configHash': hex32, 'weightsHash': hex32, 'tokenizerHash': hex32,
              'chatTemplateHash': or_null(hex32), 'rope': or_null(closed({'kind': word, 'settings': settings})),
              'quant': or_null(closed({'method': word, 'settings': settings})), 'adapters': items(link, high=64),
              'runtimeLayout': closed({'kv': layout, 'dtype': dtype, 'settings': settings})}


def fingerprint(model):
    """The fingerprint of a descriptor's view."""
    def bytes_of(value):
        return bytes.fromhex(value) if isinstance(value, str) and re.fullmatch(r'[0-9a-f]{64}', value) else value

    def link_or(value):
        return link_of(value) if isinstance(value, str) and CID_TEXT.fullmatch(value) else value
    try:
        if not isinstance(model, dict):
            refuse()
        descriptor = {name: bytes_of(value) if name.endswith('Hash') else value for name, value in model.items()}
        if isinstance(model.get('adapters'), list):
            descriptor['adapters'] = [link_or(value) for value in model['adapters']]
        data = encode(descriptor)
        view = shape(decode(data), DESCRIPTOR, closed=True)
    except Refused:
        raise Refused('invalid_descriptor') from None

    def digest(*without):
        return hashlib.sha256(encode({name: value for name, value in descriptor.items() if name not in without})).hexdigest()
    return {'fp': digest(), 'values': digest('runtimeLayout'), 'base': digest('runtimeLayout', 'adapters'),
            'isBare': not view['adapters'], 'tokenizer': view['tokenizerHash'], 'cid': cid_of(data).text, 'hex': data.hex()}


def negotiate(offers, own, trusted):
    """(level, at, needs a probe)"""
    best = (6, None)
    for at, offer in enumerate(offers):
        level = level_of(offer, own, trusted)
        if level < best[0]:
            best = (level, at)
    return best[0], best[1], best[0] in (2, 3)


def level_of(offer, own, trusted):
    if offer['kind'] == 'text':
        return 5
    if not trusted:
        return 6
    model = offer.get('model') or {}
    if model.get('fp') != offer['fp']:
        model = {}
    same_values = model.get('values') == own['values']
    if offer['kind'] == 'lora':
        fits = offer['fp'] == own['fp'] or same_values or (model.get('base') == own['base'] and model['isBare'])
        return 3 if fits and offer['probe'] else 6
    if offer['fp'] == own['fp']:
        return 1
    if same_values and offer['probe']:
        return 2
    return 4 if offer['kind'] == 'kv' and model.get('tokenizer') == own['tokenizer'] else 6


BITS = {'BOOL': 8, 'F4': 4, 'F6_E2M3': 6, 'F6_E3M2': 6, 'U8': 8, 'I8': 8, 'F8_E5M2': 8, 'F8_E4M3': 8, 'F8_E8M0': 8, 'I16': 16, 'U16': 16,
        'F16': 16, 'BF16': 16, 'I32': 32, 'U32': 32, 'F32': 32, 'C64': 64, 'F64': 64, 'I64': 64, 'U64': 64}


def safetensors(start, file_bytes):
    """(where the data starts, the tensors), or refused with a reason."""
    if len(start) < 8 or file_bytes < 8:
        refuse('truncated')
    length = int.from_bytes(start[:8], 'little')
    if length > 1 << 20 or length + 8 > file_bytes:
        refuse('size')
    if len(start) < 8 + length:
        refuse('truncated')
    header = start[8:8 + length]

    def pairs(found):
        return dict(found) if len(dict(found)) == len(found) else refuse('duplicate')

    def number(digits):
        return int(digits) if digits[0] != '-' and int(digits) < 2**53 else refuse('json')

    def never(_):
        refuse('json')
    try:
        said = header.decode('utf-8')
        if said[:1] != '{':
            refuse('json')
        for name in re.finditer(r'"((?:[^"\\]|\\.)*)"[ \t\r\n]*(?=:)', said):
            if '\\' in name[1] or not name[1] or len(name[1].encode()) > 512:
                refuse('name')
        fields = json.loads(said, object_pairs_hook=pairs, parse_int=number, parse_float=never, parse_constant=never)
    except (ValueError, UnicodeDecodeError):
        refuse('json')
    notes = fields.pop('__metadata__', {})
    if not isinstance(notes, dict) or not all(isinstance(note, str) for note in notes.values()):
        refuse('json')
    tensors = [tensor(name, value, 8 + length) for name, value in fields.items()]
    end = 8 + length
    for one in sorted(tensors, key=lambda one: (one['start'], one['end'])):
        if one['end'] > file_bytes:
            refuse('offsets')
        if one['start'] != end:
            refuse('hole' if one['start'] > end else 'overlap')
        end = one['end']
    if end != file_bytes:
        refuse('hole')
    return 8 + length, tensors


def tensor(name, value, start):
    if not isinstance(value, dict) or set(value) != {'dtype', 'shape', 'data_offsets'}:
        refuse('json')
    dimensions, offsets = value['shape'], value['data_offsets']
    if not isinstance(value['dtype'], str) or value['dtype'] not in BITS:
        refuse('dtype')
    if not all(isinstance(some, list) and all(type(one) is int for one in some) for some in (dimensions, offsets)):
        refuse('json')
    if len(dimensions) > 8:
        refuse('shape')
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        refuse('offsets')
    bits = BITS[value['dtype']] * math.prod(dimensions)
    if bits >= 2**53 or bits % 8:
        refuse('shape')
    if bits // 8 != offsets[1] - offsets[0]:
        refuse('mismatch')
    return {'name': name, 'dtype': value['dtype'], 'shape': dimensions, 'start': start + offsets[0], 'end': start + offsets[1]}


# --- revisions.md -------------------------------------------------------------------------------------------------------

def distinct(read, key=lambda item: item):
    def read_all(value):
        found = read(value)
        return found if len({key(item) for item in found}) == len(found) else refuse()
    return read_all


def cid(value):
    return value.text if isinstance(value, Link) else refuse()


def blob(value):
    view = shape(value, {'cid': cid, 'bytes': integer(0), 'sha256?': hex32}, closed=True)
    return view if ('sha256' in view) == view['cid'].startswith('bafyrei') else refuse()


language = text(r'[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}')
name128 = text(low=1, high=128)
numbers = integer(0)
PROBE = closed({'tokenIds': items(numbers, 1, 64), 'topTokenIds': items(numbers, 8, 8), 'topLogitsMilli': items(integer(), 8, 8),
                'toleranceMilli': numbers})
MESSAGE = closed({'startByte': numbers, 'role?': one_of('user', 'assistant', 'system', 'tool'), 'speaker?': name128, 'saidAtMs?': time})
TEXT = {'kind': one_of('text'), 'mime': one_of('text/plain', 'text/markdown', 'application/json'), 'language?': language,
        'text?': text(), 'blob?': blob, 'messages?': items(MESSAGE, 1, 256)}
TENSOR = {'modelFingerprint': hex32, 'blob': blob, 'dtype': dtype, 'quantGroupSize?': integer(1), 'probe?': PROBE}
RENDITIONS = {
    'kv': {'kind': one_of('kv'), **TENSOR, 'layout': layout, 'layers': integer(1), 'kvHeads': integer(1), 'headDim': integer(1),
           'tokenCount': integer(1), 'positionOffset': numbers, 'tokens': blob},
    'steering': {'kind': one_of('steering'), **TENSOR, 'layer': numbers, 'site': one_of('residual', 'attention_output', 'mlp_output'),
                 'width': integer(1), 'strengthMicros': integer()},
    'lora': {'kind': one_of('lora'), **TENSOR, 'rank': integer(1), 'alphaMicros': integer(1),
             'modules': distinct(items(text(r'[A-Za-z0-9_][A-Za-z0-9_.]{0,127}'), 1, 512))},
    'text': TEXT,
}


def rendition(value):
    kind = value.get('kind') if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in RENDITIONS:
        refuse()
    view = shape(value, RENDITIONS[kind], closed=True)
    if kind == 'text':
        return check_written(view)
    if view['dtype'].startswith('q') != ('quantGroupSize' in view):
        refuse()
    return refuse() if kind == 'kv' and view['tokens']['bytes'] != 4 * view['tokenCount'] else view


def check_written(view):
    if ('text' in view) == ('blob' in view):
        refuse()
    written = view['text'].encode() if 'text' in view else None
    if written is not None and len(written) > 32768:
        refuse()
    starts = [message['startByte'] for message in view.get('messages', [])]
    size = view['blob']['bytes'] if written is None else len(written)
    if starts and (starts[0] != 0 or starts[-1] >= size or any(a >= b for a, b in zip(starts, starts[1:]))):
        refuse()
    if written is not None and any(written[start] & 0xC0 == 0x80 for start in starts):
        refuse()
    return view


PARENT = closed({'cid': link, 'relation': one_of('derived', 'merged', 'distilled', 'translated'), 'shareMicros?': integer(1, 1_000_000)})
LICENCE = closed({'id': text(r'[A-Za-z0-9][A-Za-z0-9.+-]{0,99}'), 'attribution?': name128, 'accessesMax?': integer(1), 'expiresAtMs?': time,
                  'permissions': distinct(items(one_of('recall', 'derive', 'train', 'redistribute', 'commercial_use'), high=5)),
                  'text?': blob})
POLICY = closed({'sensitivity': one_of('none', 'personal', 'secret'), 'retainMsMax?': integer(1), 'watermark?': name128})
REVISION = {'v': one_of(1), 'cubeId': cube_id, 'number': integer(1), 'prev': or_null(link), 'title?': text(low=1, high=256),
            'semanticType': text(r'[a-z][a-z0-9_]*', high=64), 'memoryType': one_of('plaintext', 'activation', 'parametric'),
            'tags': distinct(items(text(low=1, high=64), high=32)), 'language?': language, 'renditions': items(rendition, 1, 16),
            'portable?': one_of(False), 'lineage': distinct(items(PARENT, high=64), key=lambda parent: parent['cid']),
            'licence?': LICENCE, 'policy?': POLICY, 'validFromMs?': time, 'validToMs?': time, 'createdAtMs?': time,
            'salt': raw(16, to_base64url)}
CARRIERS = {'plaintext': {'text'}, 'activation': {'kv', 'steering'}, 'parametric': {'lora'}}


def revision_view(data):
    view = shape(decode(data), REVISION, closed=True)
    kinds = [one['kind'] for one in view['renditions']]
    wrong = ((view['number'] == 1) != (view['prev'] is None)
             or sum(parent.get('shareMicros', 0) for parent in view['lineage']) > 500_000
             or ('validFromMs' in view and 'validToMs' in view and view['validFromMs'] >= view['validToMs'])
             or not CARRIERS[view['memoryType']].intersection(kinds)
             or kinds.count('text') != (0 if 'portable' in view else 1))
    return refuse() if wrong else view


HEX_FIELDS = {'sha256', 'modelFingerprint'}


def revision_object(view, field=''):
    if isinstance(view, dict):
        return {key: revision_object(value, key) for key, value in view.items()}
    if isinstance(view, list):
        return [revision_object(value) for value in view]
    if isinstance(view, str) and field in ('cid', 'prev'):
        return link_of(view)
    if isinstance(view, str) and field == 'salt':
        return from_base64url(view)
    if isinstance(view, str) and field in HEX_FIELDS:
        return bytes.fromhex(view) if re.fullmatch(r'([0-9a-f]{2})*', view) else refuse()
    return view


# --- revocation.md ------------------------------------------------------------------------------------------------------

def revoked(revocation, revisions, now):
    def reach(starts, admits):
        reached = set(starts)
        while True:
            new = {one['cid'] for one in revisions if one['cid'] not in reached and admits(one) and reached.intersection(one['lineage'])}
            if not new:
                return reached
            reached |= new
    named = [one['cid'] for one in revisions if one['org'] == revocation['org'] and one['cube'] == revocation['cube']
             and one['rev'] >= revocation.get('fromRev', 1)]
    hidden = reach(named, lambda one: revocation['scope'] == 'derived' and one['org'] == revocation['org'])
    flagged = reach(hidden, lambda one: True) - hidden
    kept = {address for one in revisions if one['cid'] not in hidden for address in one['blobs']}
    blobs = {address for one in revisions if one['cid'] in hidden for address in one['blobs']} - kept
    evicted = [one['cid'] for one in revisions if one['cid'] in hidden and one['hasTensors']]
    return {'hidden': sorted(hidden), 'flagged': sorted(flagged), 'evicted': sorted(evicted), 'blobs': sorted(blobs),
            'eraseByMs': now + 86_400_000 if revocation['reason'] == 'legal' else None}


def is_refused(revocation, hidden, one):
    if one['org'] != revocation['org']:
        return False
    final = 'fromRev' not in revocation or revocation['reason'] in ('legal', 'compromised')
    return one['cid'] in hidden or (final and one['cube'] == revocation['cube'] and one['rev'] >= revocation.get('fromRev', 1))
