"""MIP 1.0: authority, logs, heads and forks, written from docs/mip. Standard library only."""
import hashlib

from mip_bytes import Refused, cid_of, encode, key_of, open_map
from mip_objects import (DELEGATION_MS_MAX, UNDERSTOOD, Signed, check_chain, check_use, permits, read_chain, refuse)

PROOF_BYTES_MAX = 8512
CONTEST_MS = 72 * 3_600_000
REMEMBERED_MAX = 256
ROOTS_MAX = 64


# --- authority.md -------------------------------------------------------------------------------------------------------

def genesis(view):
    if view['op'] != 'org.genesis' or view['dlg'] is not None:
        refuse('not_allowed')
    if view['key'] != view['org']:
        refuse('unknown_key')
    said = view['sum']
    return {'root': view['org'], 'next': said['next'], 'recovery': said.get('recovery'), 'agreement': said.get('agreement'),
            'roots': [{'did': view['org'], 'seq': 0}], 'rotation': None, 'delegations': [], 'revoked': [],
            'replicas': {'urls': [], 'addrs': []}, 'atMs': view['ts']}


def is_contest(authority, view, now):
    rotation = authority['rotation']
    return (view['op'] == 'org.rotate' and view['dlg'] is None and rotation is not None
            and rotation['recovery'] == view['key'] and now <= rotation['untilMs'])


def changed(authority, view, wires, now):
    authority = {**authority, 'atMs': view['ts']}
    change = {'org.rotate': rotate, 'org.delegate': delegate, 'org.revoke-key': revoke_key, 'org.replicas': replicas}.get(view['op'])
    return change(authority, view, view['sum'], wires, now) if change else authority


def rotate(authority, view, said, _, now):
    revealed = hashlib.sha256(key_of(said['root'])).hexdigest()
    new_root = {'did': said['root'], 'seq': view['seq']}
    rotation = authority['rotation']
    if view['key'] != authority['root']:
        since = rotation['seq']
        return {**authority, 'root': said['root'], 'next': said['next'], 'recovery': said.get('recovery', view['key']),
                'roots': [*rotation['before'], new_root][-ROOTS_MAX:], 'rotation': None,
                'delegations': [one for one in authority['delegations'] if one['seq'] < since],
                'revoked': [one for one in authority['revoked'] if one['seq'] < since]}
    if revealed != authority['next']:
        refuse('wrong_preimage')
    if rotation is None or now > rotation['untilMs']:
        rotation = {'seq': view['seq'], 'recovery': authority['recovery'], 'before': authority['roots']}
    rotation = {**rotation, 'untilMs': now + CONTEST_MS} if rotation['recovery'] else None
    return {**authority, 'root': said['root'], 'next': said['next'], 'recovery': said.get('recovery'),
            'roots': [*authority['roots'], new_root][-ROOTS_MAX:], 'rotation': rotation}


def delegate(authority, view, said, wires, _):
    address = said['delegation']
    try:
        chain = read_chain(address, wires)
        check_chain(chain, view['org'], '/mip/log/append')
    except Refused as refused:
        if refused.code == 'delegation_missing':
            raise
        return authority
    one = chain[0].view
    if len(chain) != 1 or one['iss'] != authority['root'] or one['nbf'] > authority['atMs'] + DELEGATION_MS_MAX:
        return authority
    kept = [other for other in authority['delegations'] if other['address'] != address]
    if len(kept) == REMEMBERED_MAX:
        kept.remove(min(kept, key=lambda other: other['delegation']['exp']))
    return {**authority, 'delegations': [*kept, {'address': address, 'delegation': one, 'seq': view['seq']}]}


def revoke_key(authority, view, said, *_):
    def is_same(one):
        return one['delegation'] == said['delegation'] and one['log'] == said['log']
    last = min([said['lastSeq'], *(one['lastSeq'] for one in authority['revoked'] if is_same(one))])
    kept = [one for one in authority['revoked'] if not is_same(one)]
    if len(kept) >= REMEMBERED_MAX:
        kept = [one for one in kept if one['ts'] >= authority['atMs'] - 2 * DELEGATION_MS_MAX]
    if len(kept) >= REMEMBERED_MAX:
        refuse('too_many')
    new = {'delegation': said['delegation'], 'log': said['log'], 'lastSeq': last, 'seq': view['seq'], 'ts': authority['atMs']}
    return {**authority, 'revoked': [*kept, new]}


def replicas(authority, _view, said, *_):
    return {**authority, 'replicas': said}


def is_revoked(authority, address, log, seq):
    mine = [one for one in authority['revoked'] if one['delegation'] == address]
    chosen = [one for one in mine if one['log'] == log] or [one for one in mine if one['log'] is None]
    return bool(chosen) and seq > chosen[0]['lastSeq']


# --- logs.md ------------------------------------------------------------------------------------------------------------

def new_state(org, log):
    return {'v': 1, 'org': org, 'log': log, 'epoch': 0, 'seq': -1, 'cid': None, 'authority': None, 'frozen': None}


class Stop(Exception):
    """The rules refuse an entry, if these signatures hold."""

    def __init__(self, code, checks=()):
        super().__init__(code)
        self.code, self.checks = code, checks


class Fork(Exception):
    def __init__(self, other):
        super().__init__('fork')
        self.other = other


class Rules:
    def __init__(self, delegations=None, now=0, authority=None, known=()):
        self.delegations, self.now, self.main = delegations or {}, now, authority
        self.known = {}
        for one in known:
            self.known.setdefault(one.view['seq'], one)

    def judge(self, state, entry, taken):
        """The state after an entry and the signatures that make it count; None for one without effect."""
        view = entry.view
        if view['org'] != state['org']:
            raise Stop('wrong_org')
        if view['log'] != state['log']:
            raise Stop('wrong_log')
        if view['epoch'] < state['epoch']:
            return None
        if view['epoch'] > state['epoch']:
            return self.resolution(state, entry)
        if view['seq'] <= state['seq']:
            return self.again(state, entry, taken)
        if state['frozen'] and view['seq'] >= state['frozen']['seq']:
            raise Stop('frozen')
        if view['seq'] != state['seq'] + 1:
            raise Stop('gap')
        if view['prev'] != state['cid']:
            raise Stop('fork')
        if view['op'] == 'log.resolve':
            raise Stop('not_allowed')
        is_main = state['log'] == 'main'
        if not is_main and view['op'].startswith('org.'):
            raise Stop('wrong_log')
        if is_main and state['seq'] == -1:
            try:
                authority, checks = genesis(view), [('entry', entry, key_of(view['key']))]
            except Refused as refused:
                raise Stop(refused.code) from None
            self.hold(view, checks)
        else:
            checks = self.authorise(state, entry, past=False)
            self.hold(view, checks)
            authority = state['authority']
            if is_main and view['dlg'] is None:
                try:
                    authority = changed(authority, view, self.delegations, self.now)
                except Refused as refused:
                    raise Stop(refused.code, checks) from None
        return {**state, 'seq': view['seq'], 'cid': entry.cid.text, 'authority': authority}, checks

    def hold(self, view, checks):
        if any(name not in UNDERSTOOD for name in view.get('crit', [])):
            raise Stop('held', checks)

    def again(self, state, entry, taken):
        is_last = entry.view['seq'] == state['seq']
        if is_last and entry.cid.text == state['cid']:
            return None
        other = taken.get(entry.view['seq']) or self.known.get(entry.view['seq'])
        if other is None:
            if is_last:
                raise Stop('fork')
            return None
        if other.cid == entry.cid or other.view['epoch'] != entry.view['epoch']:
            return None
        raise Fork(other)

    def resolution(self, state, entry):
        view = entry.view
        if view['epoch'] != state['epoch'] + 1 or view['op'] != 'log.resolve':
            raise Stop('gap')
        checks = self.authorise(state, entry, past=False)
        if view['seq'] > state['seq'] + 1:
            raise Stop('resync' if state['frozen'] else 'gap', checks)
        if view['prev'] != state['cid']:
            raise Stop('resync', checks)
        if view['seq'] != state['seq'] + 1:
            raise Stop('not_allowed', checks)
        self.hold(view, checks)
        authority = state['authority'] and {**state['authority'], 'atMs': view['ts']}
        return {**state, 'epoch': view['epoch'], 'seq': view['seq'], 'cid': entry.cid.text, 'authority': authority,
                'frozen': None}, checks

    def authorise(self, state, entry, past):
        view = entry.view
        authority = state['authority'] if state['log'] == 'main' else self.main
        if authority is None:
            raise Stop('no_authority')
        try:
            if view['dlg'] is None:
                self.check_root(authority, view, past)
                checks = []
            else:
                if view['op'].startswith(('org.', 'log.')):
                    refuse('not_allowed')
                at = max(view['ts'], authority['atMs']) if view['log'] == 'main' and not past else view['ts']
                leaf, checks = self.delegated(authority, view, at)
                if not permits(leaf['pol'], view):
                    refuse('not_allowed')
            return [*checks, ('entry', entry, signer_of(view['key']))]
        except Refused as refused:
            raise Stop(refused.code) from None

    def check_root(self, authority, view, past):
        if not past:
            fits = view['key'] == authority['root'] or is_contest(authority, view, self.now)
        elif view['log'] == 'main':
            before = [root for root in authority['roots'] if root['seq'] < view['seq'] or root['seq'] == 0]
            fits = bool(before) and before[-1]['did'] == view['key']
        else:
            fits = any(root['did'] == view['key'] for root in authority['roots'])
        if not fits:
            refuse('unknown_key')

    def delegated(self, authority, view, at):
        chain = read_chain(view['dlg'], self.delegations)
        check_chain(chain, view['org'], '/mip/log/append')
        leaf = chain[0].view
        check_use(leaf, view['key'], at)
        if all(one['address'] != chain[-1].address for one in authority['delegations']):
            refuse('unknown_key')
        if any(is_revoked(authority, one.address, view['log'], view['seq']) for one in chain):
            refuse('key_revoked')
        if leaf['pol'].get('log', view['log']) != view['log']:
            refuse('not_allowed')
        return leaf, [('delegation', one, signer_of(one.view['iss'])) for one in chain[:-1]]

    def fault(self, state, entry):
        try:
            checks = self.authorise(state, entry, past=entry.view['seq'] <= state['seq'])
        except Stop as stop:
            return stop.code
        return None if hold(checks) else 'bad_signature'

    def head_fault(self, state, head):
        view = head.view
        authority = state['authority'] if state['log'] == 'main' else self.main
        if view['org'] != state['org'] or view['log'] != state['log']:
            return 'wrong_org' if view['org'] != state['org'] else 'wrong_log'
        if authority is None:
            return 'no_authority'
        try:
            if view['dlg'] is None and view['key'] != authority['root']:
                refuse('unknown_key')
            checks = [] if view['dlg'] is None else self.delegated(authority, view, view['ts'])[1]
            return None if hold([*checks, ('head', head, signer_of(view['key']))]) else 'bad_signature'
        except Refused as refused:
            return refused.code


def signer_of(did):
    try:
        return key_of(did)
    except Refused:
        raise Refused('unknown_key') from None


def hold(checks):
    return all(signed.holds(domain, key) for domain, signed, key in checks)


def apply(state, entries, rules, mode='strict'):
    """(state, taken entries, problem): problem is None or {code, at, proof?}."""
    steps, current, taken, fork = [], state, {}, None
    for at, entry in enumerate(entries):
        try:
            judged = rules.judge(current, entry, taken)
        except Stop as stop:
            steps.append((at, entry, current, stop.checks, stop.code))
            break
        except Fork as found:
            fork = (at, entry, found.other)
            break
        if judged is None:
            continue
        current, checks = judged
        taken[entry.view['seq']] = entry
        steps.append((at, entry, current, checks, None))
    bad = first_bad(steps, mode)
    good = [step for step in steps[:bad] if step[4] is None]
    state = good[-1][2] if good else state
    accepted = [step[1] for step in good]
    if bad is not None:
        return state, accepted, {'code': 'bad_signature', 'at': steps[bad][0]}
    if steps and steps[-1][4]:
        return state, accepted, {'code': steps[-1][4], 'at': steps[-1][0]}
    if fork is None:
        return state, accepted, None
    at, entry, other = fork
    code = rules.fault(state, entry)
    if code or rules.fault(state, other):
        return state, accepted, {'code': code or 'fork', 'at': at}
    proof = proof_of(other, entry)
    return frozen_by(state, entry.view, cid_of(proof)), accepted, {'code': 'fork', 'at': at, 'proof': proof.hex()}


def first_bad(steps, mode):
    def is_last_of_run(position):
        if position + 1 == len(steps) or steps[position + 1][4]:
            return True
        now, then = steps[position][1].view, steps[position + 1][1].view
        return now['key'] != then['key'] or now['dlg'] != then['dlg']
    if mode == 'head' and all(hold(step[3]) for position, step in enumerate(steps) if is_last_of_run(position)):
        return None
    return next((position for position, step in enumerate(steps) if not hold(step[3])), None)


# --- heads-and-forks.md: proofs -----------------------------------------------------------------------------------------

def place(view):
    return view['org'], view['log'], view['epoch'], view['seq']


def proof_of(one, other):
    a, b = sorted((one, other), key=lambda entry: entry.cid.text)
    return encode({'v': 1, 'a': a.wire, 'b': b.wire})


def open_proof(data):
    fields = open_map(data, PROOF_BYTES_MAX)
    a, b = fields.get('a'), fields.get('b')
    if type(fields.get('v')) is not int or fields['v'] != 1 or not isinstance(a, bytes) or not isinstance(b, bytes):
        refuse()
    a, b = Signed('entry', a), Signed('entry', b)
    if place(a.view) != place(b.view) or a.cid == b.cid:
        refuse('not_equivocation')
    if a.cid.text > b.cid.text:
        refuse()
    return a, b


def verify_proof(data, state, rules):
    a, b = open_proof(data)
    if a.view['org'] != state['org']:
        refuse('wrong_org')
    if a.view['log'] != state['log']:
        refuse('wrong_log')
    for entry in (a, b):
        code = rules.fault(state, entry)
        if code:
            refuse(code)
    return frozen_by(state, a.view, cid_of(data))


def frozen_by(state, view, proof):
    if view['epoch'] != state['epoch'] or (state['frozen'] and state['frozen']['seq'] <= view['seq']):
        return state
    return {**state, 'frozen': {'seq': view['seq'], 'proof': proof.text}}
