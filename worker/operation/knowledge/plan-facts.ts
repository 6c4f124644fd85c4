import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { FactLinkRow, FactRow } from '../../ports/rows.ts'
import type { FactGroup, FactLinkName, FactWrite } from '../../ports/writes/facts.ts'
import type { DraftFact } from './contracts.ts'
import { type Picture, pictureOf } from './fact-picture.ts'
import { BY_MODEL } from './find-contradictions.ts'
import { placeOf } from './predicates.ts'

/** Who acts where no caller does. */
export const SYSTEM = 'system'

/** A statement and the cube that is its evidence. */
export interface PlacedFact extends DraftFact {
  seq: number
  cubeId: string
}

/** What is stored of the subjects and slots that a plan touches. */
export interface KnownFacts {
  facts: readonly FactRow[]
  /** Links between these facts, undone ones too. */
  links: readonly FactLinkRow[]
  groups: readonly FactGroup[]
}

/** What is to become of facts: new statements, and stored ones that turned out to be wrong. */
export interface FactChange {
  drafts: readonly PlacedFact[]
  retracted: readonly string[]
  /** Superseding or contradicting pairs that a caller takes apart. */
  undone: readonly FactLinkName[]
}

export interface PlanContext {
  namespaceId: number
  nowMs: number
  /** Key that acts; `system` for the background. */
  by: string
}

const groupKey = ({ subject, slot }: Pick<FactRow, 'subject' | 'slot'>): string => JSON.stringify([subject, slot])
const linkKey = ({ fromId, toId, relation }: FactLinkName): string => `${fromId} ${toId} ${relation}`

/**
 * The writes by which new statements, retractions and undone links take effect. Pure. A statement is never overwritten: a later one of the
 * same subject and slot ends it and is linked to it, and both stay. `known` holds every fact of the groups that the change touches.
 */
export function planFacts(change: FactChange, known: KnownFacts, context: PlanContext): FactWrite[] {
  const { namespaceId, nowMs: atMs, by } = context
  const stored = new Map(known.facts.map((fact) => [fact.id, fact]))
  const inserted = newFacts(change.drafts, known.facts, context)
  const retracted = new Set(change.retracted.filter((id) => stored.get(id)?.retractedAtMs === null))
  const live = [...stored.values(), ...inserted].filter(
    ({ id, retractedAtMs }) => retractedAtMs === null && !retracted.has(id),
  )
  const taken = takenApart(known.links, change.undone)
  const pictures = [...Map.groupBy(live, groupKey).values()].map((facts) =>
    pictureOf(facts, (later, earlier) => taken.has(linkKey({ fromId: later, toId: earlier, relation: 'supersedes' }))),
  )
  const ended = live.flatMap((fact) => changedEnd(fact, pictures))
  const links = linkChanges(pictures, known.links, taken)
  const isIdle = inserted.length === 0 && retracted.size === 0 && ended.length === 0 && links.isIdle
  if (isIdle) return []
  const isUndone = new Set(change.undone.map(linkKey))
  const undone = links.gone.filter((link) => isUndone.has(linkKey(link)))
  const replaced = links.gone.filter((link) => !isUndone.has(linkKey(link)))
  const endOf = (id: string) => live.find((fact) => fact.id === id)?.statedToMs ?? null
  const decisions: FactWrite[] = [
    { kind: 'expect_facts', namespaceId, groups: known.groups },
    { kind: 'insert_facts', facts: inserted },
    { kind: 'retract_facts', namespaceId, ids: [...retracted], atMs, by },
    { kind: 'end_facts', namespaceId, facts: ended },
    { kind: 'unlink_facts', namespaceId, links: undone, atMs, by },
    { kind: 'unlink_facts', namespaceId, links: replaced, atMs, by: SYSTEM },
    {
      kind: 'link_facts',
      links: links.made.map((link) => ({
        ...link,
        namespaceId,
        previousToMs: link.relation === 'supersedes' ? endOf(link.toId) : null,
        createdBy: by,
        createdAtMs: atMs,
        undoneAtMs: null,
        undoneBy: null,
      })),
    },
  ]
  return decisions.filter((decision) => !isEmpty(decision))
}

function isEmpty(decision: FactWrite): boolean {
  switch (decision.kind) {
    case 'expect_facts':
      return decision.groups.length === 0
    case 'retract_facts':
      return decision.ids.length === 0
    case 'link_facts':
    case 'unlink_facts':
      return decision.links.length === 0
    default:
      return decision.facts.length === 0
  }
}

/**
 * Rows of the drafts that are not stored yet. The id follows from what is said and where, so that reading a cube twice finds its facts
 * again; a statement that comes back after its evidence was revised is a new one.
 */
function newFacts(
  drafts: readonly PlacedFact[],
  known: readonly FactRow[],
  { namespaceId, nowMs }: PlanContext,
): FactRow[] {
  const live = new Set(known.filter(({ retractedAtMs }) => retractedAtMs === null).map(saidIn))
  const byId = new Map(known.map((fact) => [fact.id, fact]))
  const made = new Map<string, FactRow>()
  for (const draft of drafts) {
    const place = placeOf(draft)
    const { seq, cubeId, subject, predicate, object, objectKey, validFromMs, validToMs, confidence, source } = draft
    const said = [namespaceId, cubeId, subject, predicate, object, validFromMs, validToMs, source]
    const stored = byId.get(idOf(said))
    // What a caller called wrong stays so, however often the text is read; the caller may say it again.
    const isBarred = stored !== undefined && stored.retractedBy !== SYSTEM && source !== 'caller'
    if (isBarred || live.has(saidIn({ ...draft, statedToMs: validToMs }))) continue
    const id = stored === undefined ? idOf(said) : idOf([...said, nowMs])
    made.set(id, {
      ...{ id, namespaceId, seq, cubeId, subject, predicate, object, objectKey },
      ...place,
      ...{ validFromMs, validToMs, statedToMs: validToMs, recordedAtMs: nowMs },
      ...{ retractedAtMs: null, retractedBy: null, supersededBy: null, confidence, source },
    })
  }
  return [...made.values()]
}

/** One statement of one cube, whichever row holds it. */
const saidIn = (
  fact: Omit<PlacedFact, 'validToMs' | 'seq' | 'objectKey' | 'confidence'> & { statedToMs: number | null },
) =>
  JSON.stringify([
    fact.cubeId,
    fact.subject,
    fact.predicate,
    fact.object,
    fact.validFromMs,
    fact.statedToMs,
    fact.source,
  ])

/** 128 bits as hex: enough that two statements never share an id. */
const idOf = (said: readonly unknown[]): string => bytesToHex(sha256(utf8ToBytes(JSON.stringify(said))).subarray(0, 16))

/** Pairs that a caller has taken apart, now or before: no later plan puts them together again. */
const takenApart = (links: readonly FactLinkRow[], undone: readonly FactLinkName[]): ReadonlySet<string> =>
  new Set([
    ...links.filter((link) => link.undoneAtMs !== null && link.undoneBy !== SYSTEM).map(linkKey),
    ...undone.map(linkKey),
  ])

function changedEnd(fact: FactRow, pictures: readonly Picture[]): Pick<FactRow, 'id' | 'validToMs' | 'supersededBy'>[] {
  const end = pictures.find((picture) => picture.ends.has(fact.id))?.ends.get(fact.id)
  if (end === undefined || (end.validToMs === fact.validToMs && end.supersededBy === fact.supersededBy)) return []
  return [{ id: fact.id, ...end }]
}

/** Links that the pictures ask for and that are not there, and those that are there and no longer hold. */
function linkChanges(
  pictures: readonly Picture[],
  links: readonly FactLinkRow[],
  taken: ReadonlySet<string>,
): { made: FactLinkName[]; gone: FactLinkName[]; isIdle: boolean } {
  const wanted = new Map<string, FactLinkName>()
  for (const picture of pictures) {
    for (const [toId, { supersededBy: fromId }] of picture.ends)
      if (fromId !== null) want(wanted, { fromId, toId, relation: 'supersedes' })
    for (const [fromId, toId] of picture.contradictions) want(wanted, { fromId, toId, relation: 'contradicts' })
  }
  for (const key of taken) wanted.delete(key)
  const active = new Map(links.filter(({ undoneAtMs }) => undoneAtMs === null).map((link) => [linkKey(link), link]))
  const made = [...wanted].filter(([key]) => !active.has(key)).map(([, link]) => link)
  const gone = [...active]
    // What a model linked follows from no rule, so no rule takes it apart.
    .filter(([key, { createdBy }]) => taken.has(key) || (!wanted.has(key) && !createdBy.startsWith(BY_MODEL)))
    .map(([, { fromId, toId, relation }]) => ({ fromId, toId, relation }))
  return { made, gone, isIdle: made.length === 0 && gone.length === 0 }
}

const want = (wanted: Map<string, FactLinkName>, link: FactLinkName): unknown => wanted.set(linkKey(link), link)
