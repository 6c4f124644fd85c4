import { descriptorCid } from '../../../protocol/core/fingerprint.ts'
import { toCanonicalText } from '../../../schemas/canonical-text.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { CONTENT_BYTES_MAX } from '../../../schemas/limits.ts'
import type { EntrySum } from '../../../schemas/mip-entry.ts'
import type { PeerTier, SubscriptionFilter } from '../../../schemas/mip-subscription.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { Revision } from '../../../schemas/revision.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { MipIngestedRow } from '../../ports/writes/mip.ts'
import { type Draft, textOf } from '../organise/draft-cube.ts'
import { storedCube } from '../organise/memory-writer.ts'
import { draftForeign } from './foreign-cube.ts'
import type { PeerBytes } from './peer-bytes.ts'
import { erasedCube, expecting, nothing, type Plan } from './plans.ts'
import { blobsOf, isTooLarge, type ModelRendition, renditionFault } from './rendition-check.ts'
import { screen } from './screening.ts'
import { refusalOf } from './usable.ts'
import { isOfInterest, scoreOf } from './wanted.ts'

export interface IngestTarget {
  id: string
  did: string
  namespaceId: number
  filter: SubscriptionFilter
}

export interface Ingest {
  session: VaultSession
  target: IngestTarget
  cid: Cid
  revision: Revision
  bytes: Uint8Array
  /** What the entry that published it says; null where that is not known. */
  sum: EntrySum<'cube.publish'> | null
  /** What is here of the cube. */
  row: MipIngestedRow | null
  tier: PeerTier
  /** A person has read it: neither trust nor screening keeps it out. */
  isApproved?: boolean
  peerBytes: PeerBytes
  context: RequestContext
}

export interface IngestComponents {
  embedder: Embedder | null
  runtime: Runtime
}

/** A mirror could not be asked: nothing is decided, the entry waits. */
export class BytesUnreachable extends Error {
  override name = 'BytesUnreachable'
}

const fromUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const BINDABLE: ReadonlySet<string> = new Set(['kv', 'steering', 'lora'])

/**
 * What becomes of a published revision: a cube of ours, quarantine, or nothing, with the reason. A cube stands here only while its row says
 * `ingested`, or `header` where a later revision is awaited: what is quarantined is in no index at all.
 * @throws BytesUnreachable
 */
export async function planRevision(ingest: Ingest, components: IngestComponents): Promise<Plan> {
  const { target, revision, sum, row, tier, context, isApproved = false } = ingest
  // What waited for trust alone was not yet matched with the filter's words.
  const isHere = row?.state === 'ingested' || (row?.state === 'quarantined' && row.reason !== 'unknown_publisher')
  if (!isApproved && !isHere && !isOfInterest(target.filter, revision, sum)) return leftOut(ingest, 'filtered')
  const refusal = refusalOf(revision, context.nowMs)
  if (refusal !== null) return keptOut(ingest, 'refused', refusal)
  if (!isApproved && tier === 'unknown') return keptOut(ingest, 'quarantined', 'unknown_publisher')
  const text = await textIn(ingest)
  if ('refused' in text) return keptOut(ingest, text.refused === 'body_missing' ? 'header' : 'refused', text.refused)
  const said = textOf(revision.title ?? null, text.content)
  const { filter } = target
  if (!isApproved && !isHere && filter.text !== undefined) {
    const score = await scoreOf(said, filter.text.query, components.embedder, context.signal)
    if (score < filter.text.minScore) return leftOut(ingest, 'filtered')
  }
  const found = isApproved ? [] : screen([said, ...speakersOf(revision), ...revision.tags].join('\n'))
  if (found.length > 0) return keptOut(ingest, 'quarantined', `screening:${found.join(',')}`)
  return takenIn(ingest, text.content, components)
}

/** Names are foreign text too: they stand before what is said in every prompt. */
const speakersOf = ({ renditions }: Revision): string[] =>
  renditions.flatMap((one) => (one.kind === 'text' ? (one.messages ?? []) : [])).flatMap(({ speaker }) => speaker ?? [])

async function textIn({ revision, peerBytes }: Ingest): Promise<{ content: string } | { refused: string }> {
  const rendition = revision.renditions.find((one) => one.kind === 'text')
  if (rendition === undefined) return { refused: 'no_text' }
  if (rendition.text !== undefined) return { content: rendition.text }
  const ref = rendition.blob
  if (ref === undefined) return { refused: 'no_text' }
  if (ref.bytes > CONTENT_BYTES_MAX) return { refused: 'too_large' }
  const fetched = await peerBytes.blob(ref)
  if ('missing' in fetched) {
    if (fetched.missing === 'unreachable') throw new BytesUnreachable('no mirror could be asked for a text')
    return { refused: 'body_missing' }
  }
  try {
    return { content: fromUtf8.decode(fetched.bytes) }
  } catch {
    return { refused: 'invalid_text' }
  }
}

/** Not wanted; where something stands of it already, the row says so. */
async function leftOut(ingest: Ingest, reason: string): Promise<Plan> {
  return ingest.row === null
    ? nothing('filtered')
    : { ...(await keptOut(ingest, 'refused', reason)), outcome: 'filtered' }
}

/** Not here; what an earlier revision left here goes. */
export async function keptOut(
  ingest: Pick<Ingest, 'session' | 'target' | 'cid' | 'revision' | 'row' | 'context'> & { bytes?: Uint8Array },
  state: 'quarantined' | 'refused' | 'header',
  reason: string,
): Promise<Plan> {
  const { session, row } = ingest
  // What only waits for its bytes leaves the revision before it where it is.
  const isWaiting = state === 'header'
  const erased = row === null || isWaiting ? [] : await erasedCube(session, row)
  return {
    outcome: state === 'quarantined' ? 'quarantined' : 'refused',
    writes: [
      ...rowWrites(ingest, { state, reason, cubeId: isWaiting ? (row?.cubeId ?? null) : null }),
      ...(state === 'quarantined' ? objectWrites(ingest) : []),
    ],
    drafts: [],
    erased,
  }
}

async function takenIn(ingest: Ingest, content: string, components: IngestComponents): Promise<Plan> {
  const { session, target, row, revision, context, cid, isApproved = false } = ingest
  const { refused, ...bound } = await renditionsOf(ingest)
  const stored = row?.cubeId == null ? null : await currentOf(session, row.cubeId)
  const foreign = { did: target.did, cid, revision, content: toCanonicalText(content), ...bound }
  const { nowMs, principal } = context
  const draft = draftForeign(foreign, stored, {
    nowMs,
    randomBytes: components.runtime.randomBytes,
    author: principal.keyId,
  })
  const hasOthers = revision.renditions.some(({ kind }) => BINDABLE.has(kind))
  const depth = [...(bound.renditions.length > 0 ? ['with_renditions'] : []), ...refused].join(' ')
  const isTextOnly = hasOthers && ingest.tier !== 'trusted'
  const write: VaultWrite =
    stored === null
      ? { kind: 'insert_cubes', namespaceId: target.namespaceId, cubes: [draft.cube] }
      : { kind: 'update_cube', stored: storedCube(stored, []), cube: draft.cube, textChanged: draft.textChanged }
  return {
    outcome: stored === null ? 'ingested' : 'updated',
    writes: [
      ...rowWrites(ingest, {
        state: 'ingested',
        reason: isApproved ? 'approved' : depth || (isTextOnly ? 'text_only' : null),
        cubeId: draft.cube.record.cubeId,
      }),
      ...objectWrites(ingest),
      write,
    ],
    drafts: [{ draft, namespaceId: target.namespaceId }],
    // What can no longer be revised (archived by an operator's policy) is replaced.
    erased: stored === null && row !== null ? await erasedCube(session, row) : [],
  }
}

async function currentOf(session: VaultSession, cubeId: string): Promise<FullCube | null> {
  const [found] = await session.cubes.ofIds([cubeId])
  return found === undefined || found.cube.state === 'archived' ? null : found
}

/**
 * Renditions for models, from publishers that are trusted: wrong tensors do not fail, they make answers worse (MIP 4.6). Those that may not be
 * kept are named with the reason; the text is taken in without them.
 */
async function renditionsOf(ingest: Ingest): Promise<Bound> {
  const bound: Bound = { renditions: [], blobs: [], refused: [] }
  if (ingest.tier !== 'trusted') return bound
  for (const rendition of ingest.revision.renditions) {
    if (rendition.kind === 'text') continue
    const one = await checkedRendition(rendition, ingest.peerBytes)
    if (typeof one === 'string') bound.refused.push(`${rendition.kind}:${one}`)
    else {
      bound.renditions.push(rendition)
      bound.blobs.push(...one)
    }
  }
  return bound
}

interface Bound {
  renditions: Rendition[]
  blobs: Draft['blobs']
  /** `KIND:CODE` of those that are left out. */
  refused: string[]
}

/** The blobs of a rendition, each what its address names; or why it is left out. @throws BytesUnreachable */
async function checkedRendition(rendition: ModelRendition, peerBytes: PeerBytes): Promise<Draft['blobs'] | string> {
  if (isTooLarge(rendition)) return 'too_large'
  const parts: Draft['blobs'] = []
  for (const ref of blobsOf(rendition)) {
    const fetched = await peerBytes.blob(ref)
    if ('bytes' in fetched) parts.push({ cid: ref.cid, bytes: fetched.bytes })
    else if (fetched.missing === 'nowhere') return 'body_missing'
    else throw new BytesUnreachable('no mirror could be asked for a rendition')
  }
  const described = descriptorCid(rendition.modelFingerprint)
  const { found } = await peerBytes.objects([described])
  return renditionFault(rendition, parts[0]!.bytes, found.get(described) ?? null) ?? parts
}

function rowWrites(
  { target, revision, cid, row, context }: Pick<Ingest, 'target' | 'revision' | 'cid' | 'row' | 'context'>,
  { state, reason, cubeId }: Pick<MipIngestedRow, 'state' | 'reason' | 'cubeId'>,
): VaultWrite[] {
  const place = { subscriptionId: target.id, cube: revision.cubeId }
  const { number } = revision
  const { did, namespaceId } = target
  return [
    expecting(place, row),
    {
      kind: 'put_mip_ingested',
      rows: [{ ...place, did, number, cid, cubeId, namespaceId, state, reason, atMs: context.nowMs }],
    },
  ]
}

const objectWrites = ({
  target,
  revision,
  cid,
  bytes,
}: {
  target: IngestTarget
  revision: Revision
  cid: Cid
  bytes?: Uint8Array
}): VaultWrite[] =>
  bytes === undefined
    ? []
    : [
        {
          kind: 'put_mip_objects',
          objects: [{ cid, did: target.did, cube: revision.cubeId, source: '', bytes: bytes as Buffer }],
        },
      ]
