import { type OpenedDelegation, tryDelegation } from '../../../protocol/core/delegation.ts'
import type { Ed25519 } from '../../../protocol/core/ed25519-rule.ts'
import { didOfPeerId } from '../../../protocol/core/keys.ts'
import type { Authority, LogState } from '../../../protocol/core/log-state.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import { isLie, SERVE, verifyServing } from '../../../protocol/core/serving.ts'
import { toWire } from '../../../protocol/core/signed.ts'
import type { ServingAnswer, SignedBytes } from '../../../protocol/core/wire-types.ts'
import {
  MIP_MIRROR_REST_MS,
  MIP_PULL_PAUSE_MS_MAX,
  MIP_SERVERS_MAX,
  MIP_STRANGERS_STRUCK_MAX,
} from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import { addressOfPeer } from '../../ports/peer-address.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { MipLogRow } from '../../ports/writes/mip.ts'
import type { MemVault, OrgVault } from '../vault/mem-vault.ts'
import { delegationWires } from './delegation-wires.ts'
import { FollowedReader } from './followed-reader.ts'
import { LogRows } from './log-rows.ts'
import { servedLogs } from './served-logs.ts'

export interface ServingDeskComponents {
  vault: MemVault
  ed25519: Ed25519
  runtime: Runtime
}

type Presented = { opened: OpenedDelegation; peerId: string }

/**
 * Judges who says in a hello to speak for an organisation (MIP 4.5), for every organisation here that follows it. A peer without a key can have
 * written here what a root has signed, and strikes against itself, both within bounds.
 */
export class ServingDesk {
  readonly #components: ServingDeskComponents

  constructor(components: ServingDeskComponents) {
    this.#components = components
  }

  async judge([bytes, signature]: SignedBytes, peerId: string): Promise<ServingAnswer> {
    const opened = tryDelegation(toWire({ bytes, signature }))
    if (typeof opened === 'string') return { outcome: 'refused', reason: opened }
    const { sub, aud, cmd } = opened.delegation
    const { vault } = this.#components
    const answers: ServingAnswer[] = []
    for (const name of vault.databaseNames)
      for (const row of await servedLogs(vault.database(name), { org: sub, log: MAIN_LOG }))
        answers.push(await this.#judgeFor(row, { opened, peerId }))
    const of = (outcome: ServingAnswer['outcome']) => answers.find((one) => one.outcome === outcome)
    const known = of('counted') ?? of('refused') ?? of('unknown')
    if (known !== undefined) return known
    // Whose it is needs nothing that has to be read.
    if (cmd !== SERVE) return { outcome: 'refused', reason: 'delegation_wrong_command' }
    return didOfPeerId(peerId) === aud
      ? { outcome: 'unknown', reason: null }
      : { outcome: 'refused', reason: 'delegation_broken' }
  }

  /** The delegation by which a node of this deployment speaks for an organisation, the longest-lived first; null when there is none. */
  async own(rows: LogRows, authority: Authority, org: string, peerId: string): Promise<SignedBytes | null> {
    const { ed25519, runtime } = this.#components
    const wires = await rows.delegations(org)
    const usable = wires
      .flatMap((wire) => {
        const opened = tryDelegation(wire)
        return typeof opened !== 'string' && opened.delegation.cmd === SERVE ? [opened] : []
      })
      .toSorted((a, b) => b.delegation.exp - a.delegation.exp)
    for (const opened of usable) {
      const lookup = await delegationWires(rows, org, [opened.address])
      const atMs = runtime.nowMs()
      // Others allow for our clock; we do not count on that.
      if (opened.delegation.exp <= atMs) continue
      const presented = { delegation: opened, peerId, authority, lookup, atMs, ed25519 }
      if (await holds(() => verifyServing(presented))) return [opened.bytes, opened.signature]
    }
    return null
  }

  async #judgeFor(row: MipLogRow, { opened, peerId }: Presented): Promise<ServingAnswer> {
    const { vault, ed25519, runtime } = this.#components
    const { authority } = row.state as unknown as LogState
    if (authority === null) return { outcome: 'unknown', reason: null }
    const nowMs = runtime.nowMs()
    const org = await vault.of(row.orgId, nowMs, 'write')
    const lookup = await delegationWires(new LogRows(org), row.did, [opened.address], wiresOf(opened))
    try {
      const presented = { delegation: opened, peerId, authority, lookup, atMs: nowMs, ed25519 }
      const chain = await verifyServing(presented)
      await this.#remember(
        org,
        { did: row.did, peerId, chain, root: authority.root, expMs: opened.delegation.exp },
        nowMs,
      )
      return { outcome: 'counted', reason: null }
    } catch (error) {
      if (!(error instanceof MipError)) throw error
      if (!isLie(error.code)) return { outcome: 'unknown', reason: error.code }
      await this.#strike(org, row.did, peerId, error.code, nowMs)
      return { outcome: 'refused', reason: error.code }
    }
  }

  /** A peer that says the same at every call costs a look, not a write. */
  async #remember(
    org: OrgVault,
    server: { did: string; peerId: string; chain: string[]; root: string; expMs: number },
    atMs: number,
  ): Promise<void> {
    const known = await readerOf(org).server(server.did, server.peerId)
    if (known?.chain[0] === server.chain[0] && known?.root === server.root) return
    await org.apply([{ kind: 'put_mip_server', server: { ...server, atMs }, serversMax: MIP_SERVERS_MAX }])
  }

  /** Once in the time that it rests: repeating a lie makes nobody write. */
  async #strike(org: OrgVault, did: string, peerId: string, reason: string, atMs: number): Promise<void> {
    const address = addressOfPeer(peerId)
    const struck = await readerOf(org).mirrors([did])
    if (struck.some((row) => row.address === address && row.restUntilMs > atMs)) return
    const rest = {
      restMs: MIP_MIRROR_REST_MS,
      restMsMax: MIP_PULL_PAUSE_MS_MAX,
      strangersMax: MIP_STRANGERS_STRUCK_MAX,
    }
    await org.apply([{ kind: 'strike_mip_mirror', did, address, reason, ...rest, atMs }])
  }
}

const readerOf = (org: OrgVault) => new FollowedReader(org, { orgId: org.organisation.id })

const wiresOf = (opened: OpenedDelegation) => new Map([[opened.address, toWire(opened)]])

async function holds(verify: () => Promise<unknown>): Promise<boolean> {
  try {
    await verify()
    return true
  } catch (error) {
    if (error instanceof MipError) return false
    throw error
  }
}
