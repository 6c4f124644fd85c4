import type { Cid } from '../../schemas/cid.ts'
import { REVOKED_LEGAL_ERASE_MS } from '../../schemas/limits-mip.ts'
import type { CubeRevocation } from '../../schemas/revocation.ts'

/** A revision as far as revocation looks at it. */
export interface KnownRevision {
  cid: Cid
  /** Organisation that published it. */
  org: string
  cube: string
  rev: number
  /** Revisions that it was made from. */
  lineage: readonly Cid[]
  /** Blobs that it names: texts, tensors, manifests. */
  blobs: readonly Cid[]
  /** Tensors of it may be mapped into a running session. */
  hasTensors: boolean
}

/** A revocation and the organisation in whose log it stands. */
export interface Revocation extends CubeRevocation {
  org: string
}

/** What a revocation does to the revisions at hand. Lists are in the order of the CIDs. */
export interface RevocationEffects {
  /** Searches, reads and sessions show these no longer. */
  hidden: Cid[]
  /** Made from something hidden; shown with a warning until somebody looks. */
  flagged: Cid[]
  /** Revisions whose tensors leave running sessions: the hidden ones that have any. */
  evicted: Cid[]
  /** Blobs that only hidden revisions name. */
  blobs: Cid[]
  /** When the blobs have to be gone; null: as the local policy says. */
  eraseByMs: number | null
}

/**
 * What one revocation hides, flags and erases. An organisation takes back its own cubes: what others derived is flagged, whatever the scope.
 */
export function revocationEffects(
  revocation: Revocation,
  revisions: readonly KnownRevision[],
  nowMs: number,
): RevocationEffects {
  const named = revisions.filter((one) => isNamed(revocation, one)).map((one) => one.cid)
  const children = childrenOf(revisions)
  const isOwn = (one: KnownRevision) => revocation.scope === 'derived' && one.org === revocation.org
  // First what is hidden, to its end, then what is left of its descendants: in one walk the order of the edges would decide.
  const hidden = reach(named, children, isOwn)
  const flagged = reach([...hidden], children, () => true)
  return { ...sortedEffects(hidden, flagged, revisions), eraseByMs: eraseBy(revocation, nowMs) }
}

/** The starts, and what descends from them over revisions that are admitted. */
function reach(
  starts: readonly Cid[],
  children: ReadonlyMap<Cid, KnownRevision[]>,
  admits: (one: KnownRevision) => boolean,
): Set<Cid> {
  const reached = new Set(starts)
  const open = [...starts]
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    for (const child of children.get(parent) ?? []) {
      if (reached.has(child.cid) || !admits(child)) continue
      reached.add(child.cid)
      open.push(child.cid)
    }
  }
  return reached
}

/**
 * Whether a revocation closes what is published after it too. `superseded` and `error` from a revision on leave room for a corrected one;
 * a cube that is taken back whole, or for good reason, has none.
 */
export const isFinal = ({ fromRev, reason }: Pick<CubeRevocation, 'fromRev' | 'reason'>): boolean =>
  fromRev === undefined || reason === 'legal' || reason === 'compromised'

/** What an organisation may never bring back: its cubes from a revision on, and revisions by their address. */
export interface DenySet {
  /** First revision that is closed for good, by `${org}/${cube}`. */
  cubes: ReadonlyMap<string, number>
  /** `${org}/${cid}`: the same bytes of another organisation are that one's to take back. */
  cids: ReadonlySet<string>
}

export const EMPTY_DENY_SET: DenySet = { cubes: new Map(), cids: new Set() }

/** The deny set with one more revocation. Revoking again never opens what was closed. */
export function deny(set: DenySet, revocation: Revocation, { hidden }: Pick<RevocationEffects, 'hidden'>): DenySet {
  const cids = new Set([...set.cids, ...hidden.map((cid) => `${revocation.org}/${cid}`)])
  if (!isFinal(revocation)) return { cubes: set.cubes, cids }
  const key = keyOf(revocation)
  const fromRev = Math.min(revocation.fromRev ?? 1, set.cubes.get(key) ?? Number.POSITIVE_INFINITY)
  return { cubes: new Map(set.cubes).set(key, fromRev), cids }
}

/** Says whether a revision is refused, in whichever log of its organisation and under whichever cube it is offered. */
export function isDenied(set: DenySet, revision: Pick<KnownRevision, 'cid' | 'org' | 'cube' | 'rev'>): boolean {
  return (
    set.cids.has(`${revision.org}/${revision.cid}`) ||
    revision.rev >= (set.cubes.get(keyOf(revision)) ?? Number.POSITIVE_INFINITY)
  )
}

const keyOf = ({ org, cube }: { org: string; cube: string }) => `${org}/${cube}`

const isNamed = ({ org, cube, fromRev = 1 }: Revocation, one: KnownRevision) =>
  one.org === org && one.cube === cube && one.rev >= fromRev

const eraseBy = ({ reason }: Revocation, nowMs: number) => (reason === 'legal' ? nowMs + REVOKED_LEGAL_ERASE_MS : null)

function childrenOf(revisions: readonly KnownRevision[]): Map<Cid, KnownRevision[]> {
  const children = new Map<Cid, KnownRevision[]>()
  for (const one of revisions)
    for (const parent of one.lineage) {
      const known = children.get(parent)
      if (known) known.push(one)
      else children.set(parent, [one])
    }
  return children
}

function sortedEffects(hidden: ReadonlySet<Cid>, flagged: ReadonlySet<Cid>, revisions: readonly KnownRevision[]) {
  const isHidden = (one: KnownRevision) => hidden.has(one.cid)
  const kept = new Set(revisions.filter((one) => !isHidden(one)).flatMap((one) => one.blobs))
  const blobs = new Set(revisions.filter(isHidden).flatMap((one) => one.blobs.filter((cid) => !kept.has(cid))))
  const evicted = revisions.filter((one) => isHidden(one) && one.hasTensors).map((one) => one.cid)
  return {
    hidden: [...hidden].sort(),
    flagged: [...flagged].filter((cid) => !hidden.has(cid)).sort(),
    evicted: evicted.sort(),
    blobs: [...blobs].sort(),
  }
}
