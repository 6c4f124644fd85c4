import type { DelegationLookup } from '../../protocol/core/delegation.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { type OpenedEntry, openEntryParts } from '../../protocol/core/entry.ts'
import { applyEntries } from '../../protocol/core/log-apply.ts'
import { type Authority, type LogState, newLogState } from '../../protocol/core/log-state.ts'
import { MipError } from '../../protocol/core/mip-error.ts'
import type { SignedBytes } from '../../protocol/core/wire-types.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import { CliError } from '../failure.ts'

/** A log as far as it was read, every signature verified. */
export class VerifiedLog {
  state: LogState
  readonly entries: OpenedEntry[] = []
  readonly delegations = new Map<Cid, Uint8Array>()
  readonly #authority: Authority | null
  readonly #nowMs: number

  /** `authority`: who may write it, as the main log says; null for the main log itself. */
  constructor(org: Did, log: string, { authority = null, nowMs }: { authority?: Authority | null; nowMs: number }) {
    this.state = newLogState(org, log)
    this.#authority = authority
    this.#nowMs = nowMs
  }

  readonly lookup: DelegationLookup = (address) => this.delegations.get(address) ?? null

  /** @throws CliError naming the entry and the reason of the protocol */
  async append(wires: readonly SignedBytes[]): Promise<void> {
    const opened = wires.map(([bytes, signature], at) => this.#open(bytes, signature, at))
    const outcome = await applyEntries(this.state, opened, {
      ed25519: portableEd25519,
      delegations: this.lookup,
      authority: this.#authority,
      nowMs: this.#nowMs,
    })
    this.state = outcome.state
    this.entries.push(...outcome.accepted)
    if (outcome.problem !== undefined) throw this.#fault(outcome.problem.code, outcome.problem.at)
  }

  #open(bytes: Uint8Array, signature: Uint8Array, at: number): OpenedEntry {
    try {
      return openEntryParts(bytes, signature)
    } catch (error) {
      throw error instanceof MipError ? this.#fault(error.code, at) : error
    }
  }

  #fault(code: string, at: number): CliError {
    return new CliError(`${this.state.log}: entry ${this.state.seq + 1} is refused: ${code} (${at} in its page)`)
  }
}

/** Addresses of the delegations that entries stand on or bring. What cannot be read has none; verifying it says why. */
export function delegationsOf(wires: readonly SignedBytes[]): Cid[] {
  return wires.flatMap(([bytes, signature]) => {
    try {
      const { entry } = openEntryParts(bytes, signature)
      return [entry.dlg, entry.op === 'org.delegate' ? entry.body : null].filter((cid) => cid !== null)
    } catch (error) {
      if (error instanceof MipError) return []
      throw error
    }
  })
}
