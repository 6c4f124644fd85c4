/**
 * Goal: a publisher who says two things is caught, everywhere with the same proof, and only a root can go on from there.
 * Method: two branches of one log, seen from both sides, from behind, and after the root has named the survivor.
 */
import { describe, expect, it } from 'vitest'
import type { Cid } from '../../schemas/cid.ts'
import { forged, LogWriter, START_MS } from '../../test/support/mip-log.ts'
import {
  apply,
  asEdge,
  begin,
  EDGE,
  freshLogBeforeEach,
  grant,
  options,
  publish,
  ROOT,
  THIEF,
  writer,
} from '../../test/support/mip-world.ts'
import { portableEd25519 } from './ed25519-rule.ts'
import { openProof } from './equivocation.ts'
import { signHead } from './head.ts'
import { headFault, verifyProof } from './log-apply.ts'
import { compareHead, newLogState } from './log-state.ts'

freshLogBeforeEach()

describe('two entries at one place', () => {
  async function twoBranches() {
    await begin()
    await asEdge(2)
    const twin = await writer.draft(EDGE, { ...publish, dlg: grant.address, ts: START_MS + 5 })
    await asEdge(2)
    return { twin, state: (await apply(writer.entries)).state }
  }

  it('are proven, freeze the log where they part, and everybody holds the same proof', async () => {
    const { twin, state } = await twoBranches()
    const found = await apply([twin], state, { known: writer.known })
    expect(found.problem).toMatchObject({ code: 'fork', at: 0 })
    const proof = found.problem!.proof!
    expect(found.state.frozen).toEqual({ seq: 4, proof: proof.cid })
    expect(openProof(proof.bytes)).toEqual(proof)
    // A follower of the other branch.
    const other = new LogWriter(ROOT.did)
    other.entries.push(...writer.entries.slice(0, 4), twin)
    const { state: theirs } = await apply(other.entries)
    const theirFind = await apply([writer.entries[4]!], theirs, { known: other.known })
    expect(theirFind.problem!.proof!.bytes).toEqual(proof.bytes)
    // One that is behind: it still takes what both branches share.
    const { state: behind } = await apply(writer.entries.slice(0, 3))
    const warned = await verifyProof(proof.bytes, behind, options())
    expect(warned.frozen).toEqual({ seq: 4, proof: proof.cid })
    const rest = await apply(writer.entries.slice(3), warned)
    expect([rest.state.seq, rest.problem]).toEqual([3, { code: 'frozen', at: 1 }])
  })

  it('are seen within one batch, and at the end of a log of which only the state is kept', async () => {
    const { twin, state } = await twoBranches()
    const found = await apply([...writer.entries, twin])
    expect(found.problem).toMatchObject({ code: 'fork', at: 6, proof: { a: expect.anything() } })
    expect([found.accepted.length, found.state.frozen?.seq]).toEqual([6, 4])
    const last = await writer.draft(EDGE, { ...publish, dlg: grant.address, seq: 5, prev: twin.entry.prev })
    expect(await apply([last], state)).toEqual({ state, accepted: [], problem: { code: 'fork', at: 0 } })
  })

  it('are no fork when nobody who may append has signed them', async () => {
    const { state, twin } = await twoBranches()
    const byThief = await writer.draft(THIEF, { ...publish, seq: 4, prev: twin.entry.prev })
    const withDelegation = await writer.draft(THIEF, { ...publish, seq: 4, prev: twin.entry.prev, dlg: grant.address })
    for (const [entry, code] of [
      [byThief, 'unknown_key'],
      [withDelegation, 'delegation_broken'],
      [forged(twin), 'bad_signature'],
    ] as const) {
      const found = await apply([entry], state, { known: writer.known })
      expect(found.problem).toEqual({ code, at: 0 })
      expect(found.state).toBe(state)
    }
  })

  it('go on in the next epoch, from the survivor that the root names', async () => {
    const { twin, state } = await twoBranches()
    const { state: frozen } = await apply([twin], state, { known: writer.known })
    await asEdge(1)
    expect((await apply([writer.entries.at(-1)!], frozen)).problem).toEqual({ code: 'frozen', at: 0 })
    writer.entries.pop()
    const resolve = (survivor: Cid, seq: number) =>
      writer.draft(ROOT, { op: 'log.resolve', epoch: 1, seq, prev: survivor, sum: { survivor } })
    const ours = await resolve(writer.entries.at(-1)!.cid, 6)
    const resolved = await apply([ours], frozen)
    expect(resolved.state).toMatchObject({ epoch: 1, seq: 6, frozen: null })
    // What was proven about the closed epoch does not freeze it again.
    expect((await apply([twin], resolved.state, { known: writer.known })).state).toBe(resolved.state)
    const theirs = await resolve(twin.cid, 5)
    expect((await apply([theirs], frozen)).problem).toEqual({ code: 'resync', at: 0 })
    const survivors = [...writer.entries.slice(0, 4), twin, theirs]
    expect((await apply(survivors)).state).toMatchObject({ epoch: 1, seq: 5, cid: theirs.cid })
    const repeated = await writer.draft(ROOT, {
      op: 'log.resolve',
      epoch: 1,
      seq: 5,
      prev: writer.entries.at(-1)!.cid,
      sum: { survivor: writer.entries.at(-1)!.cid },
    })
    expect((await apply([repeated], frozen)).problem).toEqual({ code: 'not_allowed', at: 0 })
    const thief = await writer.draft(EDGE, {
      op: 'log.resolve',
      epoch: 1,
      dlg: grant.address,
      sum: { survivor: writer.entries.at(-1)!.cid },
    })
    expect((await apply([thief], frozen)).problem).toEqual({ code: 'not_allowed', at: 0 })
    const skipped = await writer.draft(ROOT, { ...publish, epoch: 1 })
    expect((await apply([skipped], frozen)).problem).toEqual({ code: 'gap', at: 0 })
  })

  it('make no proof of one entry, of two places, or of bytes that somebody changed', async () => {
    const { state, twin } = await twoBranches()
    const { problem } = await apply([twin], state, { known: writer.known })
    const { bytes } = problem!.proof!
    for (let at = 0; at < bytes.length; at += 3) {
      const damaged = Uint8Array.from(bytes)
      damaged[at]! ^= 1 << (at % 8)
      await expect(verifyProof(damaged, state, options()), `byte ${at}`).rejects.toMatchObject({ name: 'MipError' })
    }
    const foreign = newLogState(EDGE.did, 'main')
    await expect(verifyProof(bytes, foreign, options())).rejects.toMatchObject({ code: 'wrong_org' })
  })
})

describe('a head', () => {
  it('counts when its key may append and has signed it', async () => {
    await begin()
    await asEdge(2)
    const { state } = await apply(writer.entries)
    const head = { v: 1, org: ROOT.did, log: 'main', epoch: 0, seq: 3, cid: state.cid!, ts: START_MS } as const
    const edges = await signHead({ ...head, key: EDGE.did, dlg: grant.address }, EDGE.seed, portableEd25519)
    expect(await headFault(edges, state, options())).toBeNull()
    expect(await headFault({ ...edges, signature: edges.signature.with(9, 1) }, state, options())).toBe('bad_signature')
    const thiefs = await signHead({ ...head, key: THIEF.did, dlg: null }, THIEF.seed, portableEd25519)
    expect(await headFault(thiefs, state, options())).toBe('unknown_key')
    expect(await headFault(edges, newLogState(ROOT.did, 'main'), options())).toBe('no_authority')
    expect(compareHead(state, edges.head)).toBe('same')
    expect(compareHead(state, { ...head, seq: 4 })).toBe('ahead')
    expect(compareHead(state, { ...head, seq: 2 })).toBe('behind')
    expect(compareHead(state, { ...head, cid: grant.cid })).toBe('fork')
    expect(compareHead(state, { ...head, epoch: 1, seq: 0 })).toBe('ahead')
  })
})
