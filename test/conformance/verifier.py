#!/usr/bin/env python3
"""A second implementation of MIP 1.0, written from docs/mip and not from the TypeScript. Standard library only; uses the package `cryptography`
for speed where it is installed.

    verifier.py vectors [FOLDER]        replays every vector; one JSON line a file, status 1 when something differs
    verifier.py verify|encode|apply     the harness of docs/mip/conformance.md: JSON lines in, JSON lines out
"""
import hashlib
import json
import os
import sys

sys.dont_write_bytecode = True

import mip_bytes as core
import mip_gossip as gossip
import mip_logs as logs
import mip_objects as objects
import mip_recon as recon
from mip_bodies import (encode_manifest, fingerprint, is_refused, negotiate, open_manifest, revision_object, revision_view, revoked,
                        safetensors)
from mip_bytes import Refused, cid_of, decode, encode, from_json, key_of, link_of, to_json
from mip_logs import Rules
from mip_objects import Signed


def code_of(work):
    """The code with which something is refused, or None."""
    try:
        work()
        return None
    except Refused as refused:
        return refused.code


def unhex(text):
    if not isinstance(text, str) or text != text.lower():
        raise ValueError('hex')
    return bytes.fromhex(text)


def opened(kind, wire):
    """A signed object of which the signature holds. @raises Refused"""
    signed = Signed(kind, wire)
    if not signed.holds(kind, key_of(signed.view['key'])):
        raise Refused('bad_signature')
    return signed


def by_address(wires):
    return {cid_of(wire).text: wire for wire in map(unhex, wires)}


# --- harness --------------------------------------------------------------------------------------------------------------

def verify_cbor(question):
    data = unhex(question['hex'])
    return {'cid': cid_of(data).text, 'json': to_json(decode(data))}


def verify_did(question):
    key = key_of(question['text'])
    return {'hex': key.hex(), 'peerId': core.peer_id_of(key)}


def verify_signature(question):
    message, key, signature = (unhex(question[name]) for name in ('message', 'publicKey', 'signature'))
    if not core.verify(signature, message, key):
        raise Refused('bad_signature')
    return {}


def verify_signed(question):
    signed = opened(question['kind'], unhex(question['hex']))
    return {'cid': signed.cid.text, 'view': signed.view}


def verify_delegation(question):
    objects.verify_delegation(question['address'], by_address(question['wires']), question['org'], question['cmd'], question['aud'],
                           question['atMs'], question['roots'], question['revoked'])
    return {}


def verify_proof(question):
    rules = Rules(by_address(question['delegations']), question['nowMs'])
    return {'state': logs.verify_proof(unhex(question['hex']), question['state'], rules)}


VERIFY = {
    'cbor': verify_cbor, 'did': verify_did, 'signature': verify_signature, 'entry': verify_signed, 'head': verify_signed,
    'delegation': verify_delegation, 'proof': verify_proof,
    'cid': lambda question: {'hex': link_of(question['text']).raw.hex()},
    'manifest': lambda question: open_manifest(unhex(question['hex'])),
    'fingerprint': lambda question: fingerprint(question['model']),
}


def encode_cbor(question):
    try:
        data = encode(from_json(question['json']))
    except Refused:
        raise Refused('not_canonical') from None
    return {'hex': data.hex(), 'cid': cid_of(data).text}


def encode_signed(question):
    seed = unhex(question['seed'])
    if len(seed) != 32:
        raise ValueError('seed')
    try:
        wire, cid = objects.sign_view(question['kind'], question['view'], seed)
    except Refused as refused:
        raise Refused('too_large' if refused.code == 'too_large' else 'invalid_entry') from None
    return {'hex': wire.hex(), 'cid': cid.text}


ENCODE = {'cbor': encode_cbor, 'entry': encode_signed, 'head': encode_signed, 'delegation': encode_signed}


def apply_batch(question):
    known = [Signed('entry', unhex(wire)) for wire in question['known']]
    rules = Rules(by_address(question['delegations']), question['nowMs'], question.get('authority'), known)
    entries, fault = [], None
    for at, wire in enumerate(map(unhex, question['entries'])):
        try:
            entries.append(Signed('entry', wire))
        except Refused as refused:
            fault = {'code': refused.code, 'at': at}
            break
    state, accepted, problem = logs.apply(question['state'], entries, rules, question['mode'])
    return {'state': state, 'accepted': len(accepted), 'problem': problem or fault}


def integer(digits):
    return -0.0 if digits == '-0' else int(digits)


def number(digits):
    """JSON has one kind of number: 1.0 is 1, but there is a negative zero."""
    value = float(digits)
    return int(value) if value.is_integer() and value != 0 or digits[0] != '-' and value == 0 else value


def answer(role, line):
    try:
        question = json.loads(line, parse_int=integer, parse_float=number, parse_constant=unhex)
        work = apply_batch if role == 'apply' else {'verify': VERIFY, 'encode': ENCODE}[role][question['kind']]
    except (ValueError, KeyError, TypeError):
        return {'ok': False, 'error': 'bad_request'}
    try:
        return {'ok': True, **work(question)}
    except Refused as refused:
        return {'ok': False, 'code': refused.code}
    except (ValueError, KeyError, TypeError):
        return {'ok': False, 'error': 'bad_request'}


def serve(role):
    for line in sys.stdin:
        print(json.dumps(answer(role, line), sort_keys=True, separators=(',', ':')), flush=True)


# --- vectors --------------------------------------------------------------------------------------------------------------

def same(found, expected, what=''):
    if found != expected:
        raise AssertionError(f'{what} is {json.dumps(found)[:300]}, expected {json.dumps(expected)[:300]}')


def replay_cbor(vector):
    if not vector['valid']:
        return same(code_of(lambda: decode(unhex(vector['hex']))), 'not_canonical', 'code')
    data = unhex(vector['hex'])
    same(to_json(decode(data)), vector['json'], 'json')
    same(encode(from_json(vector['json'])).hex(), vector['hex'], 'hex')
    same(cid_of(data).text, vector['cid'], 'cid')


def replay_cid(vector):
    if not vector['valid']:
        return same(code_of(lambda: link_of(vector['text'])), 'invalid_cid', 'code')
    same(cid_of(unhex(vector['hex']), vector['codec'] == 'object').text, vector['cid'], 'cid')
    same(link_of(vector['cid']).text, vector['cid'], 'cid')


def replay_key(vector):
    if not vector['valid']:
        return same(code_of(lambda: key_of(vector['did'])), 'invalid_key', 'code')
    key = core.public_key_of(unhex(vector['seed']))
    same(key.hex(), vector['publicKey'], 'publicKey')
    same((core.did_of(key), core.peer_id_of(key), key_of(vector['did'])), (vector['did'], vector['peerId'], key), 'names')


def replay_signature(vector):
    parts = [unhex(vector[name]) for name in ('signature', 'message', 'publicKey')]
    if 'domain' in vector:
        same(core.signing_input(vector['domain'], link_of(vector['cid'])).hex(), vector['message'], 'message')
    same((core.verify(*parts), core.verify_pure(*parts)), (vector['valid'], vector['valid']), 'verdict')


def replay_signed(kind):
    def replay(vector):
        wire = unhex(vector['hex'])
        if not vector['valid']:
            return same(code_of(lambda: opened(kind, wire)), vector['reason'], 'code')
        signed = opened(kind, wire)
        same((signed.cid.text, signed.view), (vector['cid'], vector['view']), 'view')
        same(encode([signed.bytes, signed.signature]), wire, 'wire')
    return replay


def replay_recon(vector):
    def set_of(which):
        return recon.Set([recon.item(i) for i in range(which['count']) if i not in which['without']], vector.get('bytesMax', 48 * 1024))
    ours = set_of(vector['ours'])
    if 'messages' not in vector:
        data = unhex(vector['hex'])
        if vector['valid']:
            return same(ours.answer(data).hex(), vector['answer'], 'answer')
        return same(code_of(lambda: getattr(ours, vector['role'])(data)), vector['reason'], 'code')
    theirs, said, have, need = set_of(vector['theirs']), [], [], []
    message = ours.initiate()
    while message is not None:
        answer = theirs.answer(message)
        said += [message.hex(), answer.hex()]
        message, *found = ours.next(answer)
        have, need = have + found[0], need + found[1]
    same(said, vector['messages'], 'messages')
    same([sorted(one.hex() for one in ids) for ids in (have, need)], [vector['have'], vector['need']], 'differences')


def replay_receipt(vector):
    receipt = Signed('erase', unhex(vector['hex']))
    entry = None if vector['entry'] is None else Signed('entry', unhex(vector['entry']))
    same(code_of(lambda: objects.verify_receipt(receipt, entry, by_address(vector['delegations']), vector['roots'], vector['revoked'],
                                                vector['nowMs'])), vector.get('reason'), 'code')
    if 'view' in vector:
        same([receipt.view, receipt.cid.text], [vector['view'], vector['cid']], 'view')


def replay_delegation(vector):
    if 'peerId' in vector:
        same(core.peer_id_of(key_of(vector['aud'])), vector['peerId'], 'peer id')
    same(code_of(lambda: verify_delegation(vector)), vector.get('reason'), 'code')


def replay_log(vector):
    state, kept, problem, delegations = logs.new_state(vector['org'], vector['log']), [], None, by_address(vector['delegations'])
    for now, batch in zip(vector['nowMs'], vector['batches']):
        entries = [Signed('entry', unhex(wire)) for wire in batch]
        state, accepted, problem = logs.apply(state, entries, Rules(delegations, now, known=kept), vector['mode'])
        kept += accepted
    problem = problem or {}
    same((problem.get('code'), problem.get('at'), problem.get('proof')), (vector.get('reason'), vector.get('at'), vector.get('proof')), 'problem')
    same((len(kept), state), (vector['accepted'], vector['state']), 'state')


def replay_proof(vector):
    rules = Rules(by_address(vector['delegations']))
    if not vector['valid']:
        return same(code_of(lambda: logs.verify_proof(unhex(vector['hex']), vector['state'], rules)), vector['reason'], 'code')
    state = logs.verify_proof(unhex(vector['hex']), vector['state'], rules)
    same(state['frozen'], {'seq': vector['frozenAt'], 'proof': vector['cid']}, 'frozen')


def replay_manifest(vector):
    if not vector['valid']:
        return same(code_of(lambda: open_manifest(unhex(vector['hex']))), vector['reason'], 'code')
    size, chunk = vector['size'], vector['chunk']
    if vector['content'] == 'pattern':
        blob = bytes((7 * i + i // 256) % 256 for i in range(size))
        hashes = [hashlib.sha256(blob[at:at + chunk]).digest() for at in range(0, size, chunk)]
    else:
        hashes = [hashlib.sha256(i.to_bytes(4, 'big')).digest() for i in range(-(-size // chunk))]
    data, pages = encode_manifest(size, chunk, hashes)
    same((data.hex(), pages, cid_of(data).text), (vector['hex'], vector['pages'], vector['cid']), 'manifest')
    found = open_manifest(data)
    same((found['size'], found['chunk'], found.get('pages', [])), (size, chunk, pages), 'read')


def replay_fingerprint(vector):
    if not vector['valid']:
        return same(code_of(lambda: fingerprint(vector['model'])), 'invalid_descriptor', 'code')
    found = fingerprint(vector['model'])
    same(found, {name: vector[name] for name in found}, 'fingerprint')


def replay_negotiation(vector, models):
    offers = [{**offer, 'fp': models[offer['model']]['fp'], 'model': models[offer['model']] if offer.get('described') else None,
               'probe': offer.get('probe', False)} if 'model' in offer else offer for offer in vector['offers']]
    same(negotiate(offers, models[vector['own']], vector['trusted']), (vector['level'], vector['at'], vector['needsProbe']), 'level')


def replay_safetensors(vector):
    if not vector['valid']:
        return same(code_of(lambda: safetensors(unhex(vector['hex']), vector['fileBytes'])), vector['reason'], 'reason')
    same(safetensors(unhex(vector['hex']), vector['fileBytes']), (vector['dataStart'], vector['tensors']), 'tensors')


def replay_revision(vector):
    make = (lambda: unhex(vector['hex'])) if 'view' not in vector else lambda: encode(revision_object(vector['view']))
    if not vector['valid']:
        return same(code_of(lambda: revision_view(make())) is not None, True, 'refusal')
    same((make().hex(), cid_of(make()).text), (vector['hex'], vector['cid']), 'hex')
    same(revision_view(unhex(vector['hex'])), vector['view'], 'view')


def replay_revocation(vector):
    for order in (1, -1):
        same(revoked(vector['revocation'], vector['revisions'][::order], vector['nowMs']), vector['effects'], 'effects')
    for one in vector['offered']:
        same(is_refused(vector['revocation'], vector['effects']['hidden'], one), one['refused'], 'refused')


def replay_evolution(vector):
    def read():
        entries = [Signed('entry', unhex(wire)) for wire in vector['log']]
        return entries, logs.apply(logs.new_state(entries[0].view['org'], 'main'), entries, Rules())
    same(cid_of(core.open_wire(unhex(vector['log'][1]), 4096)[0]).text, vector['cid'], 'cid')
    if 'seq' not in vector:
        return same(code_of(read), vector['reason'], 'code')
    entries, (state, _, problem) = read()
    same((entries[1].view, to_json(decode(entries[1].bytes))), (vector['view'], vector['json']), 'view')
    same((state['seq'], (problem or {}).get('code')), (vector['seq'], vector.get('reason')), 'state')


def replay_gossip(vector):
    data = bytes(vector['zeros']) if 'zeros' in vector else unhex(vector['hex'])
    known = gossip.NO_LOGS if 'state' not in vector else vector['state']
    rules = Rules(by_address(vector.get('delegations', [])), vector.get('nowMs', 0))
    same(gossip.judge(data, vector['nsid'], known, rules), (vector['verdict'], vector.get('reason')), 'verdict')


def replay_archive(vector):
    data = unhex(vector['hex'])
    if not vector['valid']:
        return same(code_of(lambda: gossip.read_archive(data)), vector['reason'], 'reason')
    org, log, entries, objects = gossip.read_archive(data)
    same((org, log), (vector['org'], vector['log']), 'header')
    same(([entry.cid.text for entry in entries], objects), (vector['entries'], vector['objects']), 'blocks')


def frames(data):
    """The values in frames of answers. @raises Refused with the reason of streams.md"""
    found, at = [], 0
    while at < len(data):
        length = shift = 0
        while True:
            if at == len(data):
                raise Refused('cut_short')
            length |= (data[at] & 127) << shift
            at, shift, more = at + 1, shift + 7, data[at] >> 7
            if not more:
                break
            if shift == 28:
                raise Refused('too_large')
        if length == 0 or data[at - 1] == 0:
            raise Refused('bad_answer')
        if length > 4 << 20:
            raise Refused('too_large')
        if at + length > len(data):
            raise Refused('cut_short')
        try:
            found.append(decode(data[at:at + length], 4 << 20))
        except Refused:
            raise Refused('bad_answer') from None
        at += length
    return found


REASONS = ('bad_request', 'not_served', 'busy', 'rate_limited', 'too_large', 'deadline', 'bad_delegation', 'internal', 'bad_answer', 'wrong_bytes', 'cut_short',
           'unreachable', 'refused_url')


def answer_of(frame):
    if not isinstance(frame, dict):
        raise Refused('bad_answer')
    if 'error' not in frame:
        return frame.get('ok')
    reason = frame['error']
    if not isinstance(reason, str) or not 0 < len(reason) <= 40 or reason.strip('abcdefghijklmnopqrstuvwxyz_'):
        raise Refused('bad_answer')
    raise Refused(reason if reason in REASONS else 'internal')


def replay_wire(vector):
    if 'frame' in vector:
        return same(code_of(lambda: answer_of(frames(unhex(vector['frame']))[0])), vector['reason'], 'reason')
    same(frames(unhex(vector['request'])), [from_json(vector['requestJson'])], 'request')
    if not vector['valid']:
        same(code_of(lambda: answer_of(frames(unhex(vector['answer'][0]))[0])), vector['reason'], 'reason')
    elif 'answer' in vector:
        values = [answer_of(frames(unhex(frame))[0]) for frame in vector['answer']]
        same([to_json(value) for value in values], vector['answerJson'], 'answer')
    twin = vector.get('http', {}).get('answer', {})
    if twin.get('type') == 'application/vnd.ipld.dag-cbor':
        body = decode(unhex(twin['body']), 4 << 20)
        if '/hello' in vector['http']['request']['path'] or '/proof' in vector['http']['request']['path'] or '/rec' in vector['http']['request']['path']:
            same(to_json(body), vector['answerJson'][0], 'body')


REPLAY = {
    'mip-gossip': replay_gossip, 'log-archive': replay_archive,
    'mip-evolution': replay_evolution, 'mip-wire': replay_wire,
    'mip-cbor': replay_cbor, 'cid': replay_cid, 'revision': replay_revision, 'mip-key': replay_key, 'mip-signature': replay_signature,
    'mip-entry': replay_signed('entry'), 'mip-head': replay_signed('head'), 'mip-delegation': replay_delegation, 'mip-receipt': replay_receipt, 'mip-recon': replay_recon, 'mip-log': replay_log,
    'mip-proof': replay_proof, 'manifest': replay_manifest, 'fingerprint': replay_fingerprint, 'negotiation': replay_negotiation,
    'safetensors': replay_safetensors, 'revocation': replay_revocation,
}
SKIPPED = {'short-paper': 'the import of a figure of a paper, not of MIP'}


def replay_files(folder):
    failures = 0
    for name in sorted(entry[:-5] for entry in os.listdir(folder) if entry.endswith('.json')):
        if name in SKIPPED:
            print(json.dumps({'file': name, 'skipped': SKIPPED[name]}))
            continue
        with open(os.path.join(folder, f'{name}.json'), encoding='utf-8') as file:
            vectors = json.load(file)
        more = []
        if name == 'negotiation':
            with open(os.path.join(folder, 'fingerprint.json'), encoding='utf-8') as file:
                more = [{vector['title']: fingerprint(vector['model']) for vector in json.load(file) if vector['valid']}]
        wrong = []
        for vector in vectors:
            try:
                REPLAY[name](vector, *more)
            except (AssertionError, Refused, KeyError, ValueError, TypeError) as error:
                wrong.append(f'{vector["title"]}: {type(error).__name__}: {error}')
        failures += len(wrong)
        print(json.dumps({'file': name, 'vectors': len(vectors), 'failures': wrong}))
    return 1 if failures else 0


if __name__ == '__main__':
    if sys.argv[1:2] == ['vectors']:
        here = os.path.dirname(os.path.abspath(__file__))
        sys.exit(replay_files(sys.argv[2] if len(sys.argv) > 2 else os.path.join(here, '../vectors')))
    if len(sys.argv) != 2 or sys.argv[1] not in ('verify', 'encode', 'apply'):
        sys.exit(__doc__)
    serve(sys.argv[1])
