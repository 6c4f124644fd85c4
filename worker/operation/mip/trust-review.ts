import { argumentsOf, openEntryParts } from '../../../protocol/core/entry.ts'
import { verifyRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_MIRROR_REST_MS, MIP_REVIEW_CUBES_MAX } from '../../../schemas/limits-mip.ts'
import type { EntrySum } from '../../../schemas/mip-entry.ts'
import type { SubscriptionFilter } from '../../../schemas/mip-subscription.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { MipIngestedRow } from '../../ports/writes/mip.ts'
import { BytesUnreachable, type Ingest, planRevision } from './ingest-plan.ts'
import { mirrorsOf } from './mirrors.ts'
import { PeerBytes } from './peer-bytes.ts'
import { applyPlans, erasedCube, expecting, nothing, type Plan } from './plans.ts'
import { deniedBecause } from './revocation.ts'
import { type SubscriberComponents, tierOf } from './subscriber.ts'

/** Revisions of one cube that are looked through for what was said of one of them. */
const PUBLICATIONS_MAX = 256

export interface Decision {
  state: 'ingested' | 'refused'
  cubeId: string | null
}

/** Bytes of foreign memory were missing; looked at again after this long. */
export const missingBefore = (nowMs: number): number => nowMs - MIP_MIRROR_REST_MS

/** Brings what is here of others in line with the trust in them, and carries out what people decide about quarantined memory. */
export class TrustReview {
  readonly #components: SubscriberComponents

  constructor(components: SubscriberComponents) {
    this.#components = components
  }

  /** Looks at so many cubes that stand otherwise than their publisher's tier says. Answers how many it changed. */
  async run(session: VaultSession, context: RequestContext, limit = MIP_REVIEW_CUBES_MAX): Promise<number> {
    let changed = 0
    for (const row of await session.followed.toReview(limit, missingBefore(context.nowMs))) {
      try {
        await applyPlans(this.#components, session, [await this.#plan(session, row, context)], [], context)
        changed += 1
      } catch (error) {
        // Changed meanwhile, or out of reach: behind the others, for a later look.
        if (error instanceof BytesUnreachable) await this.#later(session, row, context)
        else if (!(error instanceof GuardError)) throw error
      }
    }
    return changed
  }

  /** @throws MemosError not_found, precondition_failed (its licence forbids it), peer_failed (its bytes cannot be had) */
  async approve(session: VaultSession, row: MipIngestedRow, context: RequestContext): Promise<Decision> {
    try {
      const plan = await this.#plan(session, row, context, true)
      const write = plan.writes.find((one) => one.kind === 'put_mip_ingested')
      const [after] = write?.rows ?? []
      if (after?.state !== 'ingested')
        throw after?.reason === 'body_missing'
          ? new BytesUnreachable('nobody has it')
          : new MemosError('precondition_failed', {
              field: 'id',
              expected: `memory that may be used here (${after?.reason})`,
            })
      await applyPlans(this.#components, session, [plan], [], context)
      return { state: 'ingested', cubeId: after.cubeId }
    } catch (error) {
      if (error instanceof BytesUnreachable) throw new MemosError('peer_failed', {}, { cause: error })
      if (error instanceof GuardError) throw new MemosError('not_found', {}, { cause: error })
      throw error
    }
  }

  /** @throws MemosError not_found: decided meanwhile */
  async reject(session: VaultSession, row: MipIngestedRow, context: RequestContext): Promise<Decision> {
    const { did, cube, cid } = row
    const { nowMs } = context
    await session.vault
      .apply([
        expecting(row, row),
        {
          kind: 'deny_mip',
          rows: [{ did, subject: cid, fromRev: 1, log: '', seq: -1, reason: 'rejected', atMs: nowMs }],
        },
        { kind: 'erase_mip_objects', did, cube },
        {
          kind: 'put_mip_ingested',
          rows: [{ ...row, cubeId: null, state: 'refused', reason: 'rejected', atMs: nowMs }],
        },
        auditOf(context, row.namespaceId),
      ])
      .catch((error: unknown) => {
        throw error instanceof GuardError ? new MemosError('not_found', {}, { cause: error }) : error
      })
    return { state: 'refused', cubeId: null }
  }

  async #plan(session: VaultSession, row: MipIngestedRow, context: RequestContext, isApproved = false): Promise<Plan> {
    const tier = await tierOf(session, row.did)
    if (tier === 'blocked') return this.#withdraw(session, row, context, 'refused', 'blocked')
    if (tier === 'unknown' && row.cubeId !== null && !isApproved)
      return this.#withdraw(session, row, context, 'quarantined', 'unknown_publisher')
    const shown = await session.followed.subscription(row.subscriptionId)
    const over = deniedBecause(await session.denials.of(row.did, [row.cid, row.cube]), row)
    if (over !== null) return this.#withdraw(session, row, context, 'refused', over)
    if (shown === null) return nothing('refused')
    const { id, did, namespaceId } = shown.subscription
    const filter = shown.subscription.filter as SubscriptionFilter
    const peerBytes = await this.#bytesOf(session, did, context)
    const cid = row.cid as Cid
    const { found } = await peerBytes.objects([cid])
    const bytes = found.get(cid)
    if (bytes === undefined) throw new BytesUnreachable('no mirror has the revision')
    const revision = verifyRevision(cid, bytes)
    const ingest: Ingest = {
      session,
      target: { id, did, namespaceId, filter },
      cid,
      revision,
      bytes,
      sum: await this.#sumOf(session, shown.subscription, row),
      row,
      tier,
      isApproved,
      peerBytes,
      context,
    }
    return planRevision(ingest, this.#components)
  }

  /** What the entry of a revision says of it. */
  async #sumOf(
    { followed }: VaultSession,
    { did, log }: { did: string; log: string },
    { cube, cid }: MipIngestedRow,
  ): Promise<EntrySum<'cube.publish'> | null> {
    const row = await followed.log(did, log)
    const entries = row === null ? [] : await followed.entriesAbout(row.id, 'cube.publish', cube, PUBLICATIONS_MAX)
    const entry = entries.find(({ bodyCid }) => bodyCid === cid)
    if (entry === undefined) return null
    const { bytes, signature } = entry
    return argumentsOf(openEntryParts(new Uint8Array(bytes), new Uint8Array(signature)).entry, 'cube.publish')
  }

  async #bytesOf(session: VaultSession, did: string, context: RequestContext): Promise<PeerBytes> {
    const { mip } = this.#components
    const mirrors = mip === null ? [] : await mirrorsOf(session, mip.remotes, did, [], context.nowMs)
    return new PeerBytes(session, did, mirrors, context)
  }

  /** Takes a cube away again, and with it the signed bytes where not even those may stay. */
  async #withdraw(
    session: VaultSession,
    row: MipIngestedRow,
    { nowMs }: RequestContext,
    state: 'quarantined' | 'refused',
    reason: string,
  ): Promise<Plan> {
    const { did, cube } = row
    return {
      ...nothing(state === 'quarantined' ? 'quarantined' : 'refused'),
      erased: await erasedCube(session, row),
      writes: [
        expecting(row, row),
        ...(state === 'refused' ? [{ kind: 'erase_mip_objects' as const, did, cube }] : []),
        { kind: 'put_mip_ingested', rows: [{ ...row, cubeId: null, state, reason, atMs: nowMs }] },
      ],
    }
  }

  async #later(session: VaultSession, row: MipIngestedRow, { nowMs }: RequestContext): Promise<void> {
    await session.vault
      .apply([expecting(row, row), { kind: 'put_mip_ingested', rows: [{ ...row, atMs: nowMs }] }])
      .catch((error: unknown) => {
        if (!(error instanceof GuardError)) throw error
      })
  }
}
