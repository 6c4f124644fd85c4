import { MemosError } from '../../../schemas/errors.ts'
import { UniqueError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { MemVault, OrgVault } from './mem-vault.ts'
import { NamespaceReader } from './namespace-reader.ts'

/** Where memory goes when the caller names no place. */
export const DEFAULT_NAMESPACE = 'default'

export interface Target {
  namespace?: string | undefined
  userId?: string | undefined
}

/** A namespace to read; `part` where only some of its cubes are open, one by one. */
export type OpenNamespace = NamespaceRow & { part?: true }

/** Namespaces of which some cubes are open beside those open as a whole. Their counters tell of the other cubes and are left out. */
const missingFrom = (whole: readonly NamespaceRow[], parts: readonly NamespaceRow[]): OpenNamespace[] =>
  parts
    .filter(({ id }) => !whole.some((row) => row.id === id))
    .map((row) => ({ ...row, nextSeq: 1, cubeCount: 0, termTotal: 0, part: true as const }))

/** Finds the namespaces that requests mean, and makes those that may be made in passing. */
export class NamespaceDirectory {
  readonly #vault: MemVault
  readonly #runtime: Runtime

  constructor(vault: MemVault, runtime: Runtime) {
    this.#vault = vault
    this.#runtime = runtime
  }

  /** Name that a target stands for: the one it names, a user's private one, or the caller's own default. */
  nameOf({ namespace, userId }: Target, { principal }: RequestContext): string {
    if (namespace !== undefined && userId !== undefined)
      throw new MemosError('invalid_request', { field: 'userId', expected: 'either namespace or userId' })
    if (namespace !== undefined) return namespace
    if (userId !== undefined) return privateName('user', userId)
    return principal.subject === null ? DEFAULT_NAMESPACE : privateName(principal.subject.kind, principal.subject.id)
  }

  /**
   * The namespace to write to. A key of the organisation makes the default namespace and private ones in passing; a bound key its own
   * private one. Anything else that is absent or forbidden is not_found.
   */
  async forWrite(vault: OrgVault, target: Target, context: RequestContext): Promise<NamespaceRow> {
    const name = this.nameOf(target, context)
    const found = await new NamespaceReader(vault, context.principal).byName(name, 'write')
    if (found !== null) return found
    const owner = this.#ownerOf(name, target, context)
    if (owner === undefined) throw new MemosError('not_found')
    return this.#create(vault, name, owner, context)
  }

  /** The namespace that `forWrite` would answer, without making one: an absent one is an empty row that is stored nowhere. */
  async asWritten(vault: OrgVault, target: Target, context: RequestContext): Promise<NamespaceRow> {
    const name = this.nameOf(target, context)
    const found = await new NamespaceReader(vault, context.principal).byName(name, 'write')
    if (found !== null) return found
    const owner = this.#ownerOf(name, target, context)
    if (owner === undefined) throw new MemosError('not_found')
    return this.newRow(context, { name, layer: owner === null ? 'shared' : 'private', owner, settings: {} })
  }

  /** The namespaces to read: those named, or by default the caller's own and every shared and global one that is open to it. */
  async forRead(
    vault: OrgVault,
    target: { namespaces?: readonly string[] | undefined; userId?: string | undefined },
    context: RequestContext,
    limit: number,
  ): Promise<OpenNamespace[]> {
    const reader = new NamespaceReader(vault, context.principal)
    const { namespaces, userId } = target
    if (namespaces === undefined && userId === undefined) {
      const own = await reader.byName(this.nameOf({}, context), 'read')
      // Its own comes first: however many namespaces are shared with a subject, its own memory is among those searched.
      const first = own === null ? [] : [own]
      if (context.principal.subject === null) return first
      const others = await reader.page(limit, null)
      const whole = [...first, ...others.filter(({ id }) => id !== own?.id)].slice(0, limit)
      return [...whole, ...missingFrom(whole, await reader.parts(limit))].slice(0, limit)
    }
    const names = [...new Set([...(namespaces ?? []), ...(userId === undefined ? [] : [privateName('user', userId)])])]
    const whole = await reader.byNames(names, 'read')
    const others =
      whole.length === names.length || context.principal.subject === null ? [] : await reader.partsOf(names)
    const found = [...whole, ...missingFrom(whole, others)]
    // A user's private namespace that nobody has written to yet is empty, not missing.
    if (namespaces?.some((name) => !found.some((row) => row.name === name))) throw new MemosError('not_found')
    return found
  }

  /** Owner of a namespace that may be made in passing; undefined when it may not. */
  #ownerOf(
    name: string,
    { userId }: Target,
    { principal }: RequestContext,
  ): { kind: 'user' | 'agent'; id: string } | null | undefined {
    const { subject, namespaces } = principal
    if (namespaces !== null && !namespaces.includes(name)) return undefined
    if (subject !== null) return name === privateName(subject.kind, subject.id) ? subject : undefined
    if (userId !== undefined) return { kind: 'user', id: userId }
    return name === DEFAULT_NAMESPACE ? null : undefined
  }

  async #create(
    vault: OrgVault,
    name: string,
    owner: { kind: 'user' | 'agent'; id: string } | null,
    context: RequestContext,
  ): Promise<NamespaceRow> {
    const namespace = this.newRow(context, { name, layer: owner === null ? 'shared' : 'private', owner, settings: {} })
    try {
      const writable = await this.#vault.of(context.principal.orgId, context.nowMs, 'write')
      await writable.apply([{ kind: 'insert_namespace', namespace }])
      return namespace
    } catch (error) {
      if (!(error instanceof UniqueError)) throw error
      // Another request made it first: if this caller may use it, that is just as good.
      const found = await new NamespaceReader(vault, context.principal).byName(name, 'write')
      if (found === null) throw new MemosError('not_found')
      return found
    }
  }

  newRow(
    { principal, nowMs }: RequestContext,
    {
      name,
      layer,
      owner,
      settings,
    }: {
      name: string
      layer: NamespaceRow['layer']
      owner: { kind: 'user' | 'agent'; id: string } | null
      settings: NamespaceRow['settings']
    },
  ): NamespaceRow {
    return {
      id: this.#randomId(),
      orgId: principal.orgId,
      name,
      layer,
      ownerKind: owner?.kind ?? null,
      ownerId: owner?.id ?? null,
      settings,
      nextSeq: 1,
      nextChange: 1,
      cubeCount: 0,
      termTotal: 0,
      knowledgeSeq: 0,
      lifecycleDueMs: 0,
      lifecycleSeq: 0,
      consolidatedSeq: 0,
      createdAtMs: nowMs,
    }
  }

  /** 47 random bits: exact in a double, unique across databases, and not guessable from a neighbour's. */
  #randomId(): number {
    const bytes = this.#runtime.randomBytes(6)
    return bytes.reduce((sum, byte, at) => sum * 256 + (at === 0 ? byte & 0x7f : byte), 0)
  }
}

const privateName = (kind: 'user' | 'agent', id: string): string => `${kind}:${id}`
