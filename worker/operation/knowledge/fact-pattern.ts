/** One way to say something. Groups: `s` subject, `o` object, `p` what held before, `k` kind, `e` event, `d` date. */
export interface FactPattern {
  predicate: string | ((groups: Groups) => string)
  match: RegExp
  /** Whether the words begin something or end it; clauses with "no longer" always end. */
  says: 'holds' | 'ends'
  /** How the object is made of the groups; default: `o`. An empty one, in a pattern that ends, means whatever held. */
  object?: string | ((groups: Groups) => string)
  /** Whether the object names an entity of the graph. */
  isEntity?: boolean
  /** Held against the clause with its dates. */
  isDated?: boolean
  /** Who it is about when not the one who speaks: default the group `s`. */
  subject?: (groups: Groups, self: string) => string
  /** Without "no longer" the words say nothing: "I do not live in Rome". */
  needsOver?: boolean
  /** Objects that must not be taken: default the general ones. */
  refuse?: RegExp
}

export type Groups = Readonly<Record<string, string | undefined>>
