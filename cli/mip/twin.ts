import { matchesCid } from '../../protocol/core/cid.ts'
import type { Authority } from '../../protocol/core/log-state.ts'
import { decodeLogPage } from '../../protocol/core/wire-codec.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import { MIP_LOG_PAGE_ENTRIES_MAX } from '../../schemas/limits-mip.ts'
import { MIP_HTTP_BASE } from '../../schemas/mip-http.ts'
import type { Cli } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import { delegationsOf, VerifiedLog } from './verified-log.ts'

/** What a server serves to anybody; nothing of it is believed before it is verified. */
export class Twin {
  readonly #url: string
  readonly #fetch: typeof globalThis.fetch

  constructor(cli: Cli) {
    this.#url = `${cli.connection().url}${MIP_HTTP_BASE}`
    this.#fetch = cli.io.fetch ?? globalThis.fetch
  }

  /** Null: not served there. @throws CliError */
  async bytes(path: string): Promise<Uint8Array | null> {
    const response = await this.#fetch(`${this.#url}${path}`, { redirect: 'error' }).catch((cause: unknown) => {
      throw new CliError(`no answer from ${this.#url}: ${cause instanceof Error ? cause.message : ''}`, {
        exitCode: EXIT.unreachable,
      })
    })
    const bytes = new Uint8Array(await response.arrayBuffer())
    if (response.status === 404) return null
    if (!response.ok) throw new CliError(`${this.#url}${path} answered ${response.status}`)
    return bytes
  }

  /** @throws CliError when it is missing or other bytes */
  async object(cid: Cid): Promise<Uint8Array> {
    const bytes = await this.bytes(`/obj/${cid}`)
    if (bytes === null || !matchesCid(cid, bytes)) throw new CliError(`the server does not have ${cid}`)
    return bytes
  }

  /** Reads a log from its start to its end and verifies all of it. @throws CliError */
  async log(org: Did, log: string, nowMs: number, authority: Authority | null = null): Promise<VerifiedLog> {
    const verified = new VerifiedLog(org, log, { authority, nowMs })
    for (;;) {
      const { epoch, seq } = verified.state
      const path = `/log/${org}/${log}?epoch=${epoch}&from=${seq + 1}&limit=${MIP_LOG_PAGE_ENTRIES_MAX}`
      const bytes = await this.bytes(path)
      if (bytes === null) throw new CliError(`the server serves no log ${log} of ${org}`)
      const { entries } = decodeLogPage(bytes)
      for (const cid of delegationsOf(entries)) {
        if (!verified.delegations.has(cid)) verified.delegations.set(cid, await this.object(cid))
      }
      await verified.append(entries)
      if (entries.length < MIP_LOG_PAGE_ENTRIES_MAX) return verified
    }
  }
}
