import { beforeEach } from 'vitest'
import type { OpenedDelegation } from '../../protocol/core/delegation.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import type { OpenedEntry } from '../../protocol/core/entry.ts'
import { applyEntries, type LogOptions } from '../../protocol/core/log-apply.ts'
import { newLogState } from '../../protocol/core/log-state.ts'
import { Delegations, LogWriter, person, START_MS } from './mip-log.ts'

export const ROOT = person(9)
export const NEXT = person(10)
export const LATER = person(11)
export const RECOVERY = person(12)
export const EDGE = person(8)
export const THIEF = person(66)
export const publish = { op: 'cube.publish', sum: { topics: ['travel'] } }

/** Fresh before each test of the file: the log `main` of ROOT, and a delegation of it to EDGE. */
export let made: Delegations
export let writer: LogWriter
export let grant: OpenedDelegation

export function freshLogBeforeEach(): void {
  beforeEach(async () => {
    made = new Delegations()
    writer = new LogWriter(ROOT.did)
    grant = await made.add(ROOT, EDGE, { sub: ROOT.did })
  })
}

export const options = (fields: Partial<LogOptions> = {}): LogOptions => ({
  ed25519: portableEd25519,
  delegations: made.lookup,
  nowMs: START_MS,
  ...fields,
})
export const apply = (
  entries: readonly OpenedEntry[],
  state = newLogState(ROOT.did, 'main'),
  fields?: Partial<LogOptions>,
) => applyEntries(state, entries, options(fields))
/** Entries of the edge, one after the other. */
export const asEdge = (count: number, fields: object = {}) =>
  Array.from({ length: count }).reduce<Promise<OpenedEntry | undefined>>(
    (before) => before.then(() => writer.add(EDGE, { ...publish, dlg: grant.address, ...fields })),
    Promise.resolve(undefined),
  )
/** Genesis, and the delegation. */
export async function begin(sum: object = {}) {
  await writer.add(ROOT, { op: 'org.genesis', sum: { next: NEXT.hash, ...sum } })
  await writer.delegate(ROOT, grant)
}
