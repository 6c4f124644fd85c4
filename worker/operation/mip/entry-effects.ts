import { argumentsOf } from '../../../protocol/core/entry.ts'
import { verifyRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_APPLY_ENTRIES_MAX } from '../../../schemas/limits-mip.ts'
import type { Entry, EntrySum } from '../../../schemas/mip-entry.ts'
import type { PeerTier } from '../../../schemas/mip-subscription.ts'
import type { Revision } from '../../../schemas/revision.ts'
import type { Denial } from '../../infrastructure/mip/deny-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { LogPlace, MipEntryRow, MipIngestedRow, MipLogRow } from '../../ports/writes/mip.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { entryOf, type Revocation, UNDONE } from './cube-history.ts'
import { BytesUnreachable, type IngestComponents, type IngestTarget, planRevision } from './ingest-plan.ts'
import type { PeerBytes } from './peer-bytes.ts'
import { expecting, nothing, type Plan } from './plans.ts'
import { deniedBecause, isRevokedBy, markDerived, planRevocation, type Revoked, revokedRow } from './revocation.ts'
import type { Voided } from './voided.ts'
import { isRuledOut } from './wanted.ts'

const REVOCATIONS_AHEAD_MAX = 1000

/** Effects of entries that follow each other, to be applied in one batch with the cursor. */
export interface Effects {
  plans: Plan[]
  to: LogPlace
  applied: number
  /** Why the next entry could not be decided, as a code. */
  cut: 'unreachable' | 'quota_exceeded' | null
}

export interface EffectsInput {
  session: VaultSession
  target: IngestTarget
  log: MipLogRow
  from: LogPlace
  tier: PeerTier
  voided: Voided
  peerBytes: PeerBytes
  /** New cubes that the organisation has room for. */
  room: number
  context: RequestContext
}

export interface EffectsComponents extends IngestComponents {
  embeddings: EmbeddingBuilder
}

/** Decides what the next entries of a log do here. Two entries about one cube are never in one batch: the second reads what the first has left. */
export async function effectsOf(input: EffectsInput, components: EffectsComponents): Promise<Effects> {
  const { session, log, from, context } = input
  const rows = await session.followed.entriesAfter(log.id, from, MIP_APPLY_ENTRIES_MAX)
  const batch = new EntryBatch(input, components)
  await batch.prepare(rows)
  const effects: Effects = { plans: [], to: from, applied: 0, cut: null }
  let room = input.room
  const touched = new Set<string>()
  for (const row of rows) {
    const entry = entryOf(row)
    const cube = batch.cubeOf(entry)
    if (cube !== null && touched.has(cube)) break
    if (cube !== null) touched.add(cube)
    const isVoid = input.voided.isVoid(entry)
    const revoke = isVoid ? null : argumentsOf(entry, 'cube.revoke')
    if (revoke !== null) {
      const { epoch, seq } = entry
      const revoked: Revoked = {
        log,
        cid: row.cid,
        epoch,
        seq,
        sum: revoke,
        counts: (one) => !input.voided.isVoid(one),
      }
      await markDerived(session, components.embeddings, revoked, context)
      effects.plans.push(await planRevocation(session, revoked, context))
    }
    try {
      const publish = argumentsOf(entry, 'cube.publish')
      if (publish !== null && isVoid) effects.plans.push(nothing('refused'))
      else if (publish !== null) {
        const plan = await batch.publication(entry, publish)
        if (plan.outcome === 'ingested' && room-- <= 0) {
          effects.cut = 'quota_exceeded'
          break
        }
        effects.plans.push(plan)
      }
    } catch (error) {
      if (!(error instanceof BytesUnreachable)) throw error
      effects.cut = 'unreachable'
      break
    }
    effects.to = { epoch: row.epoch, seq: row.seq }
    effects.applied += 1
  }
  return effects
}

type Body = { bytes: Uint8Array; revision: Revision } | { fault: string }

/** What all entries of a batch need, read once. */
class EntryBatch {
  readonly #input: EffectsInput
  readonly #components: EffectsComponents
  readonly #bodies = new Map<string, Body>()
  #isWhole = true
  #revocations: Revocation[] = []
  #denied = new Map<string, Denial>()

  constructor(input: EffectsInput, components: EffectsComponents) {
    this.#input = input
    this.#components = components
  }

  async prepare(rows: readonly MipEntryRow[]): Promise<void> {
    const { session, log, from, target, peerBytes, voided } = this.#input
    const ahead = await session.followed.revocationsAfter(log.id, from, REVOCATIONS_AHEAD_MAX)
    this.#revocations = ahead.map(entryOf).flatMap((entry) => {
      const sum = argumentsOf(entry, 'cube.revoke')
      return sum === null || voided.isVoid(entry) ? [] : [{ epoch: entry.epoch, seq: entry.seq, sum }]
    })
    const wanted = rows.flatMap((row) => {
      const sum = row.op === 'cube.publish' ? argumentsOf(entryOf(row), 'cube.publish') : null
      return sum === null || row.bodyCid === null || isRuledOut(target.filter, sum) ? [] : [row.bodyCid as Cid]
    })
    const { found, isWhole } = await peerBytes.objects([...new Set(wanted)])
    this.#isWhole = isWhole
    for (const [cid, bytes] of found) this.#bodies.set(cid, bodyOf(cid as Cid, bytes))
    const cubes = [...this.#bodies.values()].flatMap((body) => ('revision' in body ? [body.revision.cubeId] : []))
    const subjects = [...wanted, ...cubes, ...rows.flatMap(({ cube }) => (cube === null ? [] : [cube]))]
    this.#denied = subjects.length === 0 ? new Map() : await session.denials.of(target.did, subjects)
  }

  /** The cube that an entry is about, as far as it is known. */
  cubeOf(entry: Entry): string | null {
    const revoke = argumentsOf(entry, 'cube.revoke')
    if (revoke !== null) return revoke.cube
    const body = entry.body === null ? undefined : this.#bodies.get(entry.body)
    return body !== undefined && 'revision' in body
      ? body.revision.cubeId
      : (argumentsOf(entry, 'cube.publish')?.cube ?? null)
  }

  /** @throws BytesUnreachable */
  async publication(entry: Entry, sum: EntrySum<'cube.publish'>): Promise<Plan> {
    const { session, target, tier, peerBytes, context } = this.#input
    const cid = entry.body as Cid
    if (isRuledOut(target.filter, sum)) return nothing('filtered')
    const body = this.#bodies.get(cid)
    const cube = this.cubeOf(entry)
    const row = cube === null ? null : await session.followed.ingested(target.id, cube)
    const number = body !== undefined && 'revision' in body ? body.revision.number : (sum.rev ?? 1)
    const over = cube === null ? null : this.#closed(entry, { cube, number, cid })
    if (over !== null && cube !== null) return this.#keep(row, { cube, number, cid }, 'revoked', over)
    if (body === undefined) {
      if (!this.#isWhole) throw new BytesUnreachable('no mirror could be asked for a revision')
      return cube === null ? nothing('refused') : this.#keep(row, { cube, number, cid }, 'header', 'body_missing')
    }
    if ('fault' in body)
      return cube === null ? nothing('refused') : this.#keep(row, { cube, number, cid }, 'refused', body.fault)
    const { revision } = body
    // What the entry says of itself is what filters have seen: it must be true.
    const isTrue = (sum.cube ?? revision.cubeId) === revision.cubeId && (sum.rev ?? revision.number) === revision.number
    if (!isTrue) return this.#keep(row, { cube: revision.cubeId, number, cid }, 'refused', 'sum_mismatch')
    const stands = row !== null && row.state !== 'header' && !UNDONE.has(row.reason ?? '')
    if (stands && row.number >= revision.number) return nothing('filtered')
    return planRevision(
      { session, target, cid, revision, bytes: body.bytes, sum, row, tier, peerBytes, context },
      this.#components,
    )
  }

  /** Why a revision must not be taken in, or null. */
  #closed(place: LogPlace, { cube, number, cid }: { cube: string; number: number; cid: string }): string | null {
    return deniedBecause(this.#denied, { cube, number, cid }) ?? isRevokedBy(this.#revocations, place, cube, number)
  }

  /** Nothing new here; what was here of an earlier revision stays. */
  #keep(
    row: MipIngestedRow | null,
    { cube, number, cid }: { cube: string; number: number; cid: string },
    state: 'revoked' | 'refused' | 'header',
    reason: string,
  ): Plan {
    const { target, context } = this.#input
    const outcome = state === 'revoked' ? 'revoked' : 'refused'
    // Also one whose bytes are awaited.
    const isHeld = row !== null && ['ingested', 'quarantined', 'header'].includes(row.state)
    if (row !== null && (row.number >= number || (isHeld && state !== 'header'))) return nothing(outcome)
    const { id: subscriptionId, did, namespaceId } = target
    const base = { subscriptionId, did, cube, number, cid, namespaceId, reason, atMs: context.nowMs }
    return {
      ...nothing(outcome),
      writes: [
        expecting({ subscriptionId, cube }, row),
        {
          kind: 'put_mip_ingested',
          rows: [state === 'revoked' ? revokedRow(base) : { ...base, cubeId: row?.cubeId ?? null, state }],
        },
      ],
    }
  }
}

function bodyOf(cid: Cid, bytes: Uint8Array): Body {
  try {
    return { bytes, revision: verifyRevision(cid, bytes) }
  } catch (error) {
    if (error instanceof MemosError) return { fault: 'invalid_revision' }
    throw error
  }
}
