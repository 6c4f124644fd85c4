import { randomBytes } from 'node:crypto'
import { connectionOf } from '../../cli/connection.ts'
import { EXIT } from '../../cli/failure.ts'
import { processIo } from '../../cli/io.ts'
import { MemosClient } from '../../sdk/client.ts'
import { startServer } from '../../test/support/process.ts'
import { tempDir } from '../../test/support/temp-dir.ts'

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface DemoEdge extends AsyncDisposable {
  readonly client: MemosClient
  readonly url: string
}

/** A server to show something on: the one that is named, else one of our own with empty data that goes when the demo ends. */
export async function openEdge({
  url,
  key,
}: {
  url?: string | undefined
  key?: string | undefined
}): Promise<DemoEdge> {
  if (url === undefined) return ownEdge()
  const connection = connectionOf({ url, ...(key !== undefined && { key }) }, processIo())
  if (connection.key === undefined) throw new RangeError(`no key for ${url}: give one with --key or MEMOS_KEY`)
  const client = new MemosClient({
    baseUrl: connection.url,
    apiKey: connection.key,
    organisation: connection.organisation,
  })
  return { client, url: connection.url, [Symbol.asyncDispose]: async () => undefined }
}

async function ownEdge(): Promise<DemoEdge> {
  const home = await tempDir()
  const apiKey = randomBytes(32).toString('base64url')
  try {
    const server = await startServer({ home: home.path, env: { MEMOS_ROOT_KEY: apiKey } })
    const close = async () => {
      await server.stop()
      await home.remove()
    }
    // Interrupted in the middle, the demo still leaves nothing behind.
    for (const signal of STOP_SIGNALS) process.once(signal, () => close().finally(() => process.exit(EXIT.failed)))
    return { client: new MemosClient({ baseUrl: server.url, apiKey }), url: server.url, [Symbol.asyncDispose]: close }
  } catch (error) {
    await home.remove()
    throw error
  }
}
