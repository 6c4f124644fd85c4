import { delegationsOf, VerifiedLog } from '../../cli/mip/verified-log.ts'
import { matchesCid } from '../../protocol/core/cid.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { openHead } from '../../protocol/core/head.ts'
import { headFault } from '../../protocol/core/log-apply.ts'
import type { Authority } from '../../protocol/core/log-state.ts'
import { decodeLogPage } from '../../protocol/core/wire-codec.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import { MIP_LOG_PAGE_ENTRIES_MAX } from '../../schemas/limits-mip.ts'
import type { FederationEdge } from './federation-edge.ts'

export interface Verified {
  /** Signatures that were checked: of entries and of the delegations that they stand on. */
  signatures: number
  entries: number
  seq: number
  cid: string
  /** Whether the signed head that is served is this very end; null where none is served, as by a mirror. */
  isHead: boolean | null
}

/** Reads a log as a stranger does, from its first entry, and believes nothing but signatures. @throws CliError with the entry and the reason */
export async function verifyLog(edge: FederationEdge, org: Did, log: string): Promise<Verified> {
  const main = await readLog(edge, org, 'main', null)
  const read = log === 'main' ? main : await readLog(edge, org, log, main.state.authority)
  const { seq, cid } = read.state
  const delegations = new Set([...main.delegations.keys(), ...read.delegations.keys()]).size
  return {
    signatures: main.entries.length + (read === main ? 0 : read.entries.length) + delegations,
    entries: read.entries.length,
    seq,
    cid: String(cid),
    isHead: await isHead(edge, org, log, read, main.state.authority),
  }
}

async function readLog(edge: FederationEdge, org: Did, log: string, authority: Authority | null) {
  const read = new VerifiedLog(org, log, { authority, nowMs: Date.now() })
  for (;;) {
    const { epoch, seq } = read.state
    const range = `epoch=${epoch}&from=${seq + 1}&limit=${MIP_LOG_PAGE_ENTRIES_MAX}`
    const page = await edge.served(`log/${org}/${log}?${range}`)
    if (page === null) throw new Error(`${edge.name} serves no log ${log} of ${org}`)
    const { entries } = decodeLogPage(page)
    for (const address of delegationsOf(entries))
      if (!read.delegations.has(address)) await fetchObject(edge, address, read)
    await read.append(entries)
    if (entries.length < MIP_LOG_PAGE_ENTRIES_MAX) return read
  }
}

async function fetchObject(edge: FederationEdge, address: Cid, into: VerifiedLog): Promise<void> {
  const bytes = await edge.served(`obj/${address}`)
  if (bytes === null || !matchesCid(address, bytes)) throw new Error(`${edge.name} does not serve ${address}`)
  into.delegations.set(address, bytes)
}

async function isHead(
  edge: FederationEdge,
  org: Did,
  log: string,
  { state, lookup }: VerifiedLog,
  authority: Authority | null,
): Promise<boolean | null> {
  const wire = await edge.served(`log/${org}/${log}/head`)
  if (wire === null) return null
  const opened = openHead(wire)
  const options = { ed25519: portableEd25519, delegations: lookup, authority, nowMs: Date.now() }
  return (await headFault(opened, state, options)) === null && opened.head.cid === state.cid
}
