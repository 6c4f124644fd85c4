/**
 * Goal: a follower takes in exactly what the organisation signed, in order, whatever a mirror or a thief sends.
 * Method: write logs with known keys, change one thing, and look at the state, the accepted entries and the code.
 */
import { describe, expect, it } from 'vitest'
import type { Did } from '../../schemas/did.ts'
import { MIP_DELEGATIONS_MAX } from '../../schemas/limits-mip.ts'
import { DAY_MS, forged, LogWriter, person, START_MS } from '../../test/support/mip-log.ts'
import {
  apply,
  asEdge,
  begin,
  EDGE,
  freshLogBeforeEach,
  grant,
  LATER,
  made,
  NEXT,
  publish,
  RECOVERY,
  ROOT,
  THIEF,
  writer,
} from '../../test/support/mip-world.ts'
import { type Ed25519, portableEd25519 } from './ed25519-rule.ts'
import { type OpenedEntry, openEntry } from './entry.ts'
import { isVoided, type LogState, newLogState } from './log-state.ts'
import { MipError } from './mip-error.ts'
import { toWire } from './signed.ts'

freshLogBeforeEach()

describe('a log', () => {
  it.each(['strict', 'head'] as const)('is taken in whole in %s mode, at once or in pieces', async (mode) => {
    await begin()
    await asEdge(6)
    const whole = await apply(writer.entries, undefined, { mode })
    expect(whole.problem).toBeUndefined()
    expect(whole.accepted).toEqual(writer.entries)
    expect(whole.state).toMatchObject({ seq: 7, epoch: 0, cid: writer.entries.at(-1)!.cid, frozen: null })
    let state: LogState = newLogState(ROOT.did, 'main')
    for (const entry of writer.entries) {
      // What is kept is JSON.
      state = (await apply([entry], JSON.parse(JSON.stringify(state)), { mode })).state
    }
    expect(state).toEqual(whole.state)
  })

  it('is verified asynchronously where the platform cannot do otherwise', async () => {
    await begin()
    await asEdge(70)
    const { sign, verify } = portableEd25519
    const ed25519: Ed25519 = { sign, verify }
    expect((await apply(writer.entries, undefined, { ed25519 })).accepted).toHaveLength(72)
    const damaged = writer.entries.with(68, forged(writer.entries[68]!))
    expect((await apply(damaged, undefined, { ed25519 })).problem).toEqual({ code: 'bad_signature', at: 68 })
  })

  it('ends before an entry that its key did not sign', async () => {
    await begin()
    await asEdge(5)
    for (const mode of ['strict', 'head'] as const) {
      const damaged = writer.entries.with(5, forged(writer.entries[5]!))
      const { accepted, state, problem } = await apply(damaged, undefined, { mode })
      // In head mode the signature of the last entry commits its key to the content of the one before, whatever was put beside it.
      expect(problem).toEqual(mode === 'strict' ? { code: 'bad_signature', at: 5 } : undefined)
      expect([accepted.length, state.seq]).toEqual(mode === 'strict' ? [5, 4] : [7, 6])
      const cut = await apply(damaged.slice(0, 6), undefined, { mode })
      expect(cut.problem).toEqual({ code: 'bad_signature', at: 5 })
      expect(cut.accepted).toHaveLength(5)
    }
  })

  it('in head mode never takes the word of one key for another key', async () => {
    await begin()
    await asEdge(2)
    // The thief has a delegation of his own and writes an entry as if it were the edge's.
    const own = await made.add(ROOT, THIEF, { sub: ROOT.did })
    await writer.delegate(ROOT, own)
    const lie = await writer.draft(EDGE, { ...publish, dlg: grant.address })
    writer.entries.push(forged(lie))
    await writer.add(THIEF, { ...publish, dlg: own.address })
    const { accepted, problem } = await apply(writer.entries, undefined, { mode: 'head' })
    expect(problem).toEqual({ code: 'bad_signature', at: 5 })
    expect(accepted).toHaveLength(5)
  })

  it('takes no entry of which one byte was changed', async () => {
    await begin()
    await asEdge(1)
    const { state } = await apply(writer.entries.slice(0, 2))
    const wire = toWire(writer.entries[2]!)
    let opened = 0
    for (let at = 0; at < wire.length; at++) {
      const damaged = wire.with(at, wire[at]! ^ (1 << (at % 8)))
      const entry = openedOrNull(damaged)
      if (!entry) continue
      opened += 1
      const found = await apply([entry], state)
      expect(found.accepted, `byte ${at}`).toEqual([])
      expect(found.state).toBe(state)
    }
    // The signature, and what is only text or a number, still opens.
    expect(opened).toBeGreaterThan(64)
  })

  it('has no effect when ten thousand old entries come again', async () => {
    await begin()
    await asEdge(3)
    const { state } = await apply(writer.entries)
    const old = Array.from({ length: 2000 }, () => writer.entries).flat()
    expect(await apply(old, state, { known: writer.known })).toEqual({ state, accepted: [] })
  })

  it('has no effect when it comes again', async () => {
    await begin()
    await asEdge(3)
    const { state } = await apply(writer.entries)
    const again = await apply([...writer.entries, ...writer.entries], state, { known: writer.known })
    expect(again).toEqual({ state, accepted: [] })
    expect(again.state).toBe(state)
    // Old entries that are not kept any more cannot be told from forks; they have no effect either.
    expect(await apply(writer.entries.slice(0, 2), state)).toEqual({ state, accepted: [] })
  })

  it('names the gap, the foreign organisation, the foreign log and the other branch', async () => {
    await begin()
    await asEdge(3)
    const [genesis, , third, fourth] = writer.entries as [OpenedEntry, OpenedEntry, OpenedEntry, OpenedEntry]
    expect((await apply([genesis, third])).problem).toEqual({ code: 'gap', at: 1 })
    expect((await apply([fourth])).problem).toEqual({ code: 'gap', at: 0 })
    expect((await apply([genesis], newLogState(EDGE.did, 'main'))).problem).toEqual({ code: 'wrong_org', at: 0 })
    expect((await apply([genesis], newLogState(ROOT.did, 'notes'))).problem).toEqual({ code: 'wrong_log', at: 0 })
    const elsewhere = await writer.draft(EDGE, { ...publish, dlg: grant.address, seq: 3, prev: genesis.cid })
    expect((await apply([...writer.entries.slice(0, 3), elsewhere])).problem).toEqual({ code: 'fork', at: 3 })
    const leap = await writer.draft(EDGE, { ...publish, dlg: grant.address, seq: 2 ** 52, ts: 0 })
    expect((await apply([leap], (await apply(writer.entries)).state)).problem).toEqual({ code: 'gap', at: 0 })
  })

  it('keeps its order when the clocks of the writers are a day off', async () => {
    await begin()
    for (const days of [1, -1, 0, 1, -1]) await asEdge(1, { ts: START_MS + (2 + days) * DAY_MS })
    const { accepted, problem } = await apply(writer.entries)
    expect(problem).toBeUndefined()
    expect(accepted.map(({ entry }) => entry.seq)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  it('stores an operation that it does not know and goes on', async () => {
    await begin()
    await asEdge(1, { op: 'cube.praise', sum: {} })
    await writer.add(ROOT, { op: 'org.party', sum: {} })
    await asEdge(1)
    expect((await apply(writer.entries)).accepted).toHaveLength(5)
  })

  it('holds an entry that is critical and not understood, if it is really signed', async () => {
    await begin()
    await asEdge(1, { crit: ['sum', 'topics', 'cube.publish'] })
    await asEdge(1, { crit: ['escrow'] })
    await asEdge(1)
    const { accepted, problem } = await apply(writer.entries)
    expect(problem).toEqual({ code: 'held', at: 3 })
    expect(accepted).toHaveLength(3)
    const lie = await apply(writer.entries.with(3, forged(writer.entries[3]!)))
    expect(lie.problem).toEqual({ code: 'bad_signature', at: 3 })
  })
})

describe('who may append', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['unknown_key', () => writer.add(THIEF, publish)],
    [
      'unknown_key',
      async () => asEdge(1, { dlg: (await made.add(ROOT, EDGE, { sub: ROOT.did, pol: { maxBytes: 9 } })).address }),
    ],
    ['unknown_key', async () => asEdge(1, { dlg: (await made.add(THIEF, EDGE, { sub: ROOT.did })).address })],
    ['delegation_broken', () => writer.add(THIEF, { ...publish, dlg: grant.address })],
    ['delegation_missing', () => asEdge(1, { dlg: grant.cid })],
    ['delegation_expired', () => asEdge(1, { ts: START_MS + 31 * DAY_MS })],
    ['not_allowed', () => asEdge(1, { op: 'org.replicas', sum: { urls: [], addrs: [] } })],
    ['not_allowed', () => asEdge(1, { op: 'log.other', sum: {} })],
    ['not_allowed', () => writer.add(ROOT, { op: 'log.resolve', sum: { survivor: writer.entries.at(-1)!.cid } })],
    [
      'delegation_wrong_command',
      async () => asEdge(1, { dlg: (await made.add(ROOT, EDGE, { sub: ROOT.did, cmd: '/mip/serve' })).address }),
    ],
  ])('refuses with %s', async (code, add) => {
    await begin()
    await asEdge(1)
    await add()
    const { accepted, problem } = await apply(writer.entries)
    expect(problem).toEqual({ code, at: 3 })
    expect(accepted).toHaveLength(3)
  })

  it('takes an entry within the policy of a key that the edge let in, and none beyond', async () => {
    await begin()
    const narrow = await made.add(EDGE, LATER, { sub: ROOT.did, prf: grant.address, pol: { topics: ['travel'] } })
    await writer.add(LATER, { ...publish, dlg: narrow.address })
    await writer.add(LATER, { op: 'cube.publish', dlg: narrow.address, sum: { topics: ['food'] } })
    expect((await apply(writer.entries)).problem).toEqual({ code: 'not_allowed', at: 3 })
    made.wires.set(narrow.address, (made.wires.get(narrow.address) as Uint8Array).with(-1, 0))
    expect((await apply(writer.entries)).problem).toEqual({ code: 'delegation_missing', at: 2 })
  })

  it('does not trust what the edge seems to have passed on without its signature', async () => {
    await begin()
    const lie = await made.add(THIEF, THIEF, { sub: ROOT.did, iss: EDGE.did, prf: grant.address })
    await writer.add(THIEF, { ...publish, dlg: lie.address })
    for (const mode of ['strict', 'head'] as const)
      expect((await apply(writer.entries, undefined, { mode })).problem).toEqual({ code: 'bad_signature', at: 2 })
  })

  it('does not let the holder of an expired key write as if it were yesterday', async () => {
    await begin()
    const later = { ts: START_MS + 40 * DAY_MS }
    await writer.add(ROOT, { op: 'org.replicas', sum: { urls: [], addrs: [] }, ...later })
    await asEdge(1)
    expect((await apply(writer.entries)).problem).toEqual({ code: 'delegation_expired', at: 3 })
  })

  it('of another log asks the authority of main', async () => {
    await begin()
    const { state: main } = await apply(writer.entries)
    const notes = new LogWriter(ROOT.did, 'notes')
    await notes.add(EDGE, { ...publish, dlg: grant.address })
    await notes.add(ROOT, publish)
    const empty = newLogState(ROOT.did, 'notes')
    expect((await apply(notes.entries, empty)).problem).toEqual({ code: 'no_authority', at: 0 })
    const { authority } = main
    expect((await apply(notes.entries, empty, { authority })).accepted).toHaveLength(2)
    await notes.add(ROOT, { op: 'org.rotate', sum: { root: NEXT.did, next: LATER.hash } })
    expect((await apply(notes.entries, empty, { authority })).problem).toEqual({ code: 'wrong_log', at: 2 })
  })

  it('remembers a bounded number of delegations', async () => {
    await begin()
    for (let i = 0; i < 3; i++) {
      const useless = await made.add(THIEF, EDGE, { sub: ROOT.did, exp: START_MS + DAY_MS + i })
      await writer.delegate(ROOT, useless)
    }
    const { state, problem } = await apply(writer.entries)
    expect(problem).toBeUndefined()
    expect(state.authority!.delegations.map(({ address }) => address)).toEqual([grant.address])
  })
})

describe('a stolen publishing key', () => {
  it('writes nothing after the last seq that the root has named', async () => {
    await begin()
    await asEdge(3)
    const lastSeq = 3
    await writer.add(ROOT, { op: 'org.revoke-key', sum: { delegation: grant.address, lastSeq, log: 'main' } })
    const honest = writer.entries.length
    await asEdge(1)
    const { state, accepted, problem } = await apply(writer.entries)
    expect(problem).toEqual({ code: 'key_revoked', at: honest })
    expect(accepted).toHaveLength(honest)
    // What it wrote in between had been accepted; now it is void.
    expect(
      accepted.filter(({ entry }) => isVoided(state.authority!, entry, made.lookup)).map((e) => e.entry.seq),
    ).toEqual([4])
  })

  it('takes down what it passed on', async () => {
    await begin()
    const child = await made.add(EDGE, THIEF, { sub: ROOT.did, prf: grant.address })
    await writer.add(ROOT, { op: 'org.revoke-key', sum: { delegation: grant.address, lastSeq: 1, log: 'main' } })
    await writer.add(THIEF, { ...publish, dlg: child.address })
    expect((await apply(writer.entries)).problem).toEqual({ code: 'key_revoked', at: 3 })
  })

  it('is revoked for one log, or for all that are not named', async () => {
    await begin()
    const { state: before } = await apply(writer.entries)
    const notes = new LogWriter(ROOT.did, 'notes')
    for (let i = 0; i < 3; i++) await notes.add(EDGE, { ...publish, dlg: grant.address })
    const revoke = (log: string | null, lastSeq: number) =>
      writer.add(ROOT, { op: 'org.revoke-key', sum: { delegation: grant.address, lastSeq, log } })
    const readable = async (state: LogState) => {
      const { authority } = (await apply(writer.entries, state)).state
      return (await apply(notes.entries, newLogState(ROOT.did, 'notes'), { authority })).accepted.length
    }
    await revoke('main', 1)
    expect(await readable(before)).toBe(3)
    await revoke(null, -1)
    expect(await readable(before)).toBe(0)
    await revoke('notes', 1)
    expect(await readable(before)).toBe(2)
  })

  it('cannot be let in again by a weaker revocation', async () => {
    await begin()
    for (const lastSeq of [1, 100])
      await writer.add(ROOT, { op: 'org.revoke-key', sum: { delegation: grant.address, lastSeq, log: 'main' } })
    await asEdge(1)
    expect((await apply(writer.entries)).problem).toEqual({ code: 'key_revoked', at: 4 })
  })
})

describe('a root', () => {
  const rotate = (by = ROOT, to = NEXT, then = LATER) =>
    writer.add(by, { op: 'org.rotate', sum: { root: to.did, next: then.hash } })

  it('changes to the key that it had committed to, and the old one is out', async () => {
    await begin()
    await rotate()
    await asEdge(1)
    await writer.add(NEXT, publish)
    const { state } = await apply(writer.entries)
    expect(state.seq).toBe(4)
    expect(state.authority).toMatchObject({ root: NEXT.did, next: LATER.hash, rotation: null })
    await writer.add(ROOT, publish)
    expect((await apply(writer.entries)).problem).toEqual({ code: 'unknown_key', at: 5 })
  })

  it('that is stolen cannot rotate without the preimage', async () => {
    await begin()
    await rotate(ROOT, THIEF, THIEF)
    expect((await apply(writer.entries)).problem).toEqual({ code: 'wrong_preimage', at: 2 })
  })

  it('is taken back by the recovery key within 72 hours of hearing of it, with all it has delegated since', async () => {
    await begin({ recovery: RECOVERY.did })
    await rotate()
    const evil = await made.add(NEXT, THIEF, { sub: ROOT.did })
    await writer.delegate(NEXT, evil)
    // A second rotation does not get rid of the recovery key.
    await rotate(NEXT, LATER, THIEF)
    const { state } = await apply(writer.entries)
    expect(state.authority!.rotation).toMatchObject({ seq: 2, recovery: RECOVERY.did })
    const rescue = await writer.add(RECOVERY, {
      op: 'org.rotate',
      sum: { root: person(77).did, next: person(78).hash },
    })
    const late = await apply([rescue], state, { nowMs: START_MS + 72 * 3_600_000 + 1 })
    expect(late.problem).toEqual({ code: 'unknown_key', at: 0 })
    const saved = await apply([rescue], state, { nowMs: START_MS + 71 * 3_600_000 })
    expect(saved.state.authority).toMatchObject({ root: person(77).did, recovery: RECOVERY.did, rotation: null })
    expect(saved.state.authority!.roots.map(({ did }) => did)).toEqual([ROOT.did, person(77).did])
    expect(saved.state.authority!.delegations.map(({ address }) => address)).toEqual([grant.address])
  })

  it('is not taken back by anybody else, nor without a rotation', async () => {
    await begin({ recovery: RECOVERY.did })
    const early = await writer.draft(RECOVERY, { op: 'org.rotate', sum: { root: NEXT.did, next: LATER.hash } })
    expect((await apply([...writer.entries, early])).problem).toEqual({ code: 'unknown_key', at: 2 })
    await rotate()
    const old = await writer.draft(ROOT, { op: 'org.rotate', sum: { root: THIEF.did, next: THIEF.hash } })
    expect((await apply([...writer.entries, old])).problem).toEqual({ code: 'unknown_key', at: 3 })
  })
})

describe('applyEntries', () => {
  it('throws nothing at keys and organisations that only look like some', async () => {
    const odd = `did:key:z6Mk${'z'.repeat(44)}` as Did
    const stranger = new LogWriter(odd)
    const genesis = await stranger.add({ ...ROOT, did: odd }, { op: 'org.genesis', sum: { next: NEXT.hash } })
    expect((await apply([genesis], newLogState(odd, 'main'))).problem).toEqual({ code: 'invalid_key', at: 0 })
    await begin()
    await writer.add(ROOT, { op: 'org.rotate', sum: { root: odd, next: LATER.hash } })
    expect((await apply(writer.entries)).problem).toEqual({ code: 'invalid_key', at: 2 })
    writer.entries.pop()
    await writer.add({ ...THIEF, did: odd }, publish)
    expect((await apply(writer.entries)).problem).toEqual({ code: 'unknown_key', at: 2 })
  })

  it('stops at more revocations in a short time than it remembers, and forgets those that have nothing left to revoke', async () => {
    await begin()
    const revocation = (i: number, ts: number) => ({
      op: 'org.revoke-key',
      ts,
      sum: { delegation: grant.address, lastSeq: 0, log: `log-${i}` },
    })
    for (let i = 0; i < MIP_DELEGATIONS_MAX + 1; i++) await writer.add(ROOT, revocation(i, START_MS))
    const { state, problem } = await apply(writer.entries)
    expect(problem).toEqual({ code: 'too_many', at: 2 + MIP_DELEGATIONS_MAX })
    writer.entries.pop()
    const later = await writer.add(ROOT, revocation(999, START_MS + 181 * DAY_MS))
    expect((await apply([later], state)).state.authority!.revoked).toHaveLength(1)
  })
})

function openedOrNull(wire: Uint8Array): OpenedEntry | null {
  try {
    return openEntry(wire)
  } catch (error) {
    if (error instanceof MipError) return null
    throw error
  }
}
