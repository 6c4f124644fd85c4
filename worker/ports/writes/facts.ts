import type { FactLinkRow, FactRow } from '../rows.ts'

/** One subject and slot, and how many facts it had when it was read: all, retracted ones, superseded ones. */
export interface FactGroup {
  subject: string
  slot: string
  facts: number
  retracted: number
  superseded: number
}

export type FactLinkName = Pick<FactLinkRow, 'fromId' | 'toId' | 'relation'>

/** Decisions on facts. */
export type FactWrite =
  | { kind: 'expect_facts'; namespaceId: number; groups: readonly FactGroup[] }
  | { kind: 'insert_facts'; facts: readonly FactRow[] }
  | {
      kind: 'end_facts'
      namespaceId: number
      facts: readonly Pick<FactRow, 'id' | 'validToMs' | 'supersededBy'>[]
    }
  | { kind: 'retract_facts'; namespaceId: number; ids: readonly string[]; atMs: number; by: string }
  | { kind: 'link_facts'; links: readonly FactLinkRow[] }
  | { kind: 'unlink_facts'; namespaceId: number; links: readonly FactLinkName[]; atMs: number; by: string }
