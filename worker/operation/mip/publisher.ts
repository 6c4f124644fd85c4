import type { Did } from '../../../schemas/did.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_APPEND_BATCH_BYTES_MAX, MIP_APPEND_BATCH_MAX } from '../../../schemas/limits-mip.ts'
import type {
  Published,
  PublishItem,
  PublishMemories,
  Revoked,
  RevokePublished,
} from '../../../schemas/mip-publishing.ts'
import type { MemoryType } from '../../../schemas/vocabulary.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { historyOf } from './cube-history.ts'
import type { Appended, LogAppender } from './log-appender.ts'
import type { OwnLog } from './own-log.ts'
import { type OutgoingCube, outgoingCube, type PublishableComponents } from './published-cube.ts'

export interface PublisherComponents extends PublishableComponents {
  appender: LogAppender
}

type Terms = Pick<PublishMemories, 'allow' | 'redact' | 'topics' | 'log'>

/** What a chunk of cubes comes to. */
interface Chosen {
  outgoing: OutgoingCube[]
  items: PublishItem[]
  /** Cubes that are left for the next batch. */
  rest: string[]
}

const notOut = (cubeId: string, outcome: 'unchanged' | 'refused', more: Partial<PublishItem> = {}): PublishItem =>
  ({ cubeId, publishedAs: cubeId, outcome, cid: null, seq: null, ...more }) as PublishItem

/**
 * Publishes cubes to logs of their organisation, and takes them back (MIP 4.3, 4.9). An entry, what it names, and the expectation that the cube
 * is still what was read stand in one batch. Many cubes take several batches; each is whole, and what is out already is not sent again.
 */
export class Publisher {
  readonly #components: PublisherComponents

  constructor(components: PublisherComponents) {
    this.#components = components
  }

  /**
   * @throws MemosError publishing_off, no_identity, not_found (a cube that may not be read is not there), mip_refused, log_behind, peer_failed,
   * log_busy
   */
  async publish(
    session: VaultSession,
    cubeIds: readonly string[],
    terms: Terms,
    context: RequestContext,
  ): Promise<Omit<Published, 'nextCursor'>> {
    const { appender } = this.#components
    appender.expectSigner()
    const org = await appender.expectIdentity(context.principal.orgId)
    const items = new Map<string, PublishItem>()
    let left = [...new Set(cubeIds)]
    await expectReadable(session, left)
    while (left.length > 0) {
      let chosen: Chosen = { outgoing: [], items: [], rest: [] }
      const appended = await appender.append(session, terms.log, context, async (own) => {
        chosen = await this.#choose(session, own, left, terms)
        return chosen.outgoing.length === 0 ? null : this.#planOf(own, chosen.outgoing, context)
      })
      for (const item of [...chosen.items, ...publishedItems(chosen.outgoing, appended)]) items.set(item.cubeId, item)
      left = chosen.rest
    }
    const end = await session.mipLogs.one(org, terms.log)
    const inOrder = [...new Set(cubeIds)].flatMap((cubeId) => items.get(cubeId) ?? [])
    return { org, log: terms.log, epoch: end?.epoch ?? 0, seq: end?.seq ?? -1, items: inOrder }
  }

  /** As many of the cubes as one batch takes, and what becomes of each. */
  async #choose(session: VaultSession, own: OwnLog, cubeIds: readonly string[], terms: Terms): Promise<Chosen> {
    const here = cubeIds.slice(0, MIP_APPEND_BATCH_MAX)
    const rest = cubeIds.slice(here.length)
    const fulls = await session.cubes.named(here)
    const rows = new Map(
      (await session.cubes.revisionsAt(fulls.map(({ cube }) => cube))).map((row) => [row.cubeId, row]),
    )
    const foreign = await session.mipLogs.foreign(here)
    const chosen: Chosen = { outgoing: [], items: [], rest: [] }
    const byId = new Map(fulls.map((full) => [full.cube.cubeId, full]))
    const wanted: OutgoingCube[] = []
    for (const cubeId of here) {
      const full = byId.get(cubeId)
      const row = rows.get(cubeId)
      // It was there a moment ago: its bytes are damaged, or it is being erased.
      if (full === undefined || row === undefined) chosen.items.push(notOut(cubeId, 'refused', { reason: 'damaged' }))
      else {
        const found = outgoingCube(full, row, { ...terms, isForeign: foreign.has(cubeId) }, this.#components)
        if (typeof found === 'string') chosen.items.push(notOut(cubeId, 'refused', { reason: found }))
        else wanted.push(found)
      }
    }
    await keepNew(session, own, wanted, chosen)
    const fitting = fittingCount(chosen.outgoing)
    const later = chosen.outgoing.splice(fitting).map(({ cubeId }) => cubeId)
    return { ...chosen, rest: [...later, ...rest] }
  }

  #planOf(own: OwnLog, outgoing: readonly OutgoingCube[], context: RequestContext) {
    const objects = outgoing.flatMap((one) =>
      one.objects.map(({ cid, bytes }) => ({
        cid,
        did: own.org,
        cube: one.publishedAs,
        source: one.source,
        bytes: bytes as Buffer,
      })),
    )
    const cubeIds = outgoing.map(({ cubeId }) => cubeId)
    const writes: VaultWrite[] = [
      { kind: 'put_mip_objects', objects },
      { kind: 'expect_published_cubes', cubes: outgoing },
      auditOf(context, null, cubeIds, [] as MemoryType[]),
    ]
    return { drafts: outgoing.map(({ draft }) => draft), writes }
  }

  /**
   * Revokes what was published; what it named is served no longer from the same batch on.
   * @throws MemosError not_found naming the first that was never published, and as publish
   */
  async revoke(session: VaultSession, input: RevokePublished, context: RequestContext): Promise<Revoked> {
    const { appender } = this.#components
    appender.expectSigner()
    const org = await appender.expectIdentity(context.principal.orgId)
    const { log, reason, scope } = input
    const cubeIds = [...new Set(input.cubeIds)]
    const revoked: string[] = []
    for (let at = 0; at < cubeIds.length; at += MIP_APPEND_BATCH_MAX) {
      let going: string[] = []
      await appender.append(session, log, context, async (own) => {
        going = await standing(session, own, cubeIds.slice(at, at + MIP_APPEND_BATCH_MAX), at)
        if (going.length === 0) return null
        return {
          drafts: going.map((cube) => ({ op: 'cube.revoke', body: null, sum: { cube, reason, scope } })),
          writes: [
            ...going.map((cube): VaultWrite => ({ kind: 'erase_mip_objects', did: own.org, cube })),
            ...(reason === 'legal' ? await closedToAll(session, own, going, context.nowMs) : []),
            auditOf(context, null, going),
          ],
        }
      })
      revoked.push(...going)
    }
    const end = await session.mipLogs.one(org, log)
    const unchanged = cubeIds.filter((cubeId) => !revoked.includes(cubeId))
    return { org: org as Did, log, epoch: end?.epoch ?? 0, seq: end?.seq ?? -1, revoked, unchanged }
  }
}

/** @throws MemosError not_found naming the first that may not be read */
async function expectReadable(session: VaultSession, cubeIds: readonly string[]): Promise<void> {
  const readable = await session.cubes.idsOf(cubeIds)
  const at = cubeIds.findIndex((cubeId) => !readable.has(cubeId))
  if (at >= 0) throw new MemosError('not_found', { field: `cubeIds.${at}`, expected: 'a cube that the key may read' })
}

/** Sorts what is new from what is out already or was taken back. */
async function keepNew(
  session: VaultSession,
  { row }: OwnLog,
  wanted: readonly OutgoingCube[],
  chosen: Chosen,
): Promise<void> {
  const names = wanted.map(({ publishedAs }) => publishedAs)
  const latest = row === null ? new Map() : await session.mipLogs.latest(row.id, names)
  for (const one of wanted) {
    const before = latest.get(one.publishedAs)
    const { cubeId, publishedAs, cid } = one
    // Followers keep what was revoked out for ever, so an entry would help nobody.
    if (before?.op === 'cube.revoke') chosen.items.push(notOut(cubeId, 'refused', { publishedAs, reason: 'revoked' }))
    else if (before?.bodyCid === cid) chosen.items.push(notOut(cubeId, 'unchanged', { publishedAs, cid }))
    else chosen.outgoing.push(one)
  }
}

/** How many of the cubes fit one batch by their bytes; at least one. */
function fittingCount(outgoing: readonly OutgoingCube[]): number {
  let bytes = 0
  const over = outgoing.findIndex(({ objects }, at) => {
    bytes += objects.reduce((sum, object) => sum + object.bytes.length, 0)
    return at > 0 && bytes > MIP_APPEND_BATCH_BYTES_MAX
  })
  return over === -1 ? outgoing.length : over
}

function publishedItems(outgoing: readonly OutgoingCube[], appended: Appended | null): PublishItem[] {
  if (appended === null) return []
  return outgoing.map(
    ({ cubeId, publishedAs, cid }, at) =>
      ({ cubeId, publishedAs, outcome: 'published', cid, seq: appended.entries[at]!.entry.seq }) as PublishItem,
  )
}

/** Those of some cubes that are published and not revoked. @throws MemosError not_found */
async function standing(
  session: VaultSession,
  { row }: OwnLog,
  cubeIds: readonly string[],
  from: number,
): Promise<string[]> {
  const latest = row === null ? new Map() : await session.mipLogs.latest(row.id, cubeIds)
  const at = cubeIds.findIndex((cubeId) => !latest.has(cubeId))
  if (at >= 0)
    throw new MemosError('not_found', {
      field: `cubeIds.${from + at}`,
      expected: 'a cube that was published to this log',
    })
  return cubeIds.filter((cubeId) => latest.get(cubeId)?.op !== 'cube.revoke')
}

/** What the law forbids us to publish is not taken in from others either. */
async function closedToAll(
  session: VaultSession,
  { org, row }: OwnLog,
  cubes: readonly string[],
  atMs: number,
): Promise<VaultWrite[]> {
  if (row === null) return []
  const told = await Promise.all(cubes.map((cube) => historyOf(session, row.id, cube, () => true)))
  const cids = new Set(told.flatMap(({ publications }) => publications.map(({ cid }) => cid)))
  const decided = { did: org, fromRev: 1, log: '', seq: -1, reason: 'legal', atMs }
  return [{ kind: 'deny_mip', rows: [...cids].map((subject) => ({ ...decided, subject })) }]
}
