import { expect } from 'vitest'
import { matchesCid } from '../../protocol/core/cid.ts'
import { openDelegation } from '../../protocol/core/delegation.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { type OpenedEntry, openEntryParts } from '../../protocol/core/entry.ts'
import { openHead } from '../../protocol/core/head.ts'
import { applyEntries, headFault } from '../../protocol/core/log-apply.ts'
import { type LogState, newLogState } from '../../protocol/core/log-state.ts'
import { toWire } from '../../protocol/core/signed.ts'
import { decodeLogPage } from '../../protocol/core/wire-codec.ts'
import type { SignedBytes } from '../../protocol/core/wire-types.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import type { EdgeUnderTest } from './edge.ts'

const PAGE = 64

export interface Followed {
  state: LogState
  entries: OpenedEntry[]
  head: SignedBytes | null
}

/** A stranger that reads logs over HTTP and believes nothing that the rules of the protocol do not prove. */
export class TestFollower {
  readonly #edge: EdgeUnderTest
  readonly #org: Did
  readonly #delegations = new Map<Cid, Uint8Array>()

  readonly #now: () => number

  constructor(edge: EdgeUnderTest, org: Did, now: () => number = Date.now) {
    this.#edge = edge
    this.#org = org
    this.#now = now
  }

  get(path: string, init?: RequestInit): Promise<Response> {
    return this.#edge.fetch(`/mip/v1${path}`, init)
  }

  async bytes(path: string): Promise<Uint8Array> {
    const response = await this.get(path)
    const bytes = new Uint8Array(await response.arrayBuffer())
    expect(response.status, `${path}: ${new TextDecoder().decode(bytes).slice(0, 200)}`).toBe(200)
    return bytes
  }

  async object(cid: string): Promise<Uint8Array> {
    const bytes = await this.bytes(`/obj/${cid}`)
    expect(matchesCid(cid as Cid, bytes)).toBe(true)
    return bytes
  }

  /** Reads a log from its start and verifies every signature. */
  async follow(log: string, main?: LogState): Promise<Followed> {
    let state = newLogState(this.#org, log)
    const entries: OpenedEntry[] = []
    for (;;) {
      const path = `/log/${this.#org}/${log}?epoch=${state.epoch}&from=${state.seq + 1}&limit=${PAGE}`
      const page = decodeLogPage(await this.bytes(path))
      const opened = page.entries.map(([bytes, signature]) => openEntryParts(bytes, signature))
      for (const { entry } of opened)
        await this.#fetchDelegations([entry.dlg, entry.op === 'org.delegate' ? entry.body : null])
      const outcome = await applyEntries(state, opened, this.options(main))
      expect(outcome.problem).toBeUndefined()
      state = outcome.state
      entries.push(...outcome.accepted)
      if (page.entries.length === PAGE) continue
      await this.#expectHead(page.head, state, main)
      return { state, entries, head: page.head }
    }
  }

  options(main?: LogState) {
    return {
      ed25519: portableEd25519,
      delegations: (cid: Cid) => this.#delegations.get(cid) ?? null,
      nowMs: this.#now(),
      authority: main?.authority ?? null,
    }
  }

  async #expectHead(head: SignedBytes | null, state: LogState, main?: LogState): Promise<void> {
    if (head === null || state.cid === null) return
    const opened = openHead(toWire({ bytes: head[0], signature: head[1] }))
    await this.#fetchDelegations([opened.head.dlg])
    expect(await headFault(opened, state, this.options(main))).toBeNull()
    expect(opened.head).toMatchObject({ epoch: state.epoch, seq: state.seq, cid: state.cid })
  }

  async #fetchDelegations(cids: readonly (Cid | null)[]): Promise<void> {
    for (const cid of cids) {
      if (cid === null || this.#delegations.has(cid)) continue
      const wire = await this.object(cid)
      expect(openDelegation(wire).address).toBe(cid)
      this.#delegations.set(cid, wire)
    }
  }
}
