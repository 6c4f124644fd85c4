import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Task } from '../../../schemas/administration.ts'
import { type ServerProcess, startServer } from '../../support/process.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { EdgeClient } from './edge-client.ts'

const TASK_POLL_MS = 250
const TASK_TOLD_MS = 10_000
const TASK_STILL_MS_MAX = 120_000

/** An edge with one organisation, and a client that holds its key. */
export interface EdgeTenant extends AsyncDisposable {
  readonly url: string
  readonly key: string
  readonly client: EdgeClient
  readonly server: ServerProcess
  /** MEMOS_HOME; removed on disposal. */
  readonly home: string
}

/** Starts what `npm start` starts on an empty home. */
export async function startEdge(env: Record<string, string> = {}): Promise<EdgeTenant> {
  const home = await tempDir()
  const rootKey = randomBytes(32).toString('base64url')
  const settings = { MEMOS_ROOT_KEY: rootKey, MEMOS_GPU_NODE: 'off', ...env }
  const server = await startServer({ home: home.path, env: settings })
  const { client, key } = await createTenant(server.url, rootKey, () => server.output())
  return {
    url: server.url,
    key,
    client,
    server,
    home: home.path,
    async [Symbol.asyncDispose]() {
      client.close()
      await server.kill()
      await home.remove()
    },
  }
}

/** Makes an organisation with the root key; the client holds the organisation's own key. */
export async function createTenant(
  url: string,
  rootKey: string,
  serverOutput: () => readonly string[] = () => [],
): Promise<{ client: EdgeClient; key: string }> {
  const root = new EdgeClient({ url, key: rootKey, serverOutput })
  const { secret } = await root.post<{ secret: string }>('/v1/organisations', { name: 'bench' })
  root.close()
  return { client: new EdgeClient({ url, key: secret, serverOutput }), key: secret }
}

export async function createNamespace(client: EdgeClient, name: string): Promise<void> {
  await client.post('/v1/namespaces', { name, layer: 'shared' })
}

/**
 * Resolves when no background task (embedding) is queued or running. Rejects when one has failed or nothing has moved for too long.
 * `nudge` is called at every look: on local workerd nothing else fires the timer that a deployment has.
 */
export async function tasksDone(
  client: EdgeClient,
  onProgress: (line: string) => void = () => {},
  nudge: () => Promise<void> = async () => {},
): Promise<void> {
  const first = async (state: string) =>
    (await client.get<{ items: Task[] }>(`/v1/tasks?state=${state}&limit=1`)).items[0]
  let last = ''
  let movedAt = performance.now()
  let toldAt = movedAt
  while (true) {
    const failed = await first('failed')
    if (failed) throw new Error(`background task ${failed.kind} failed: ${failed.error}`)
    const active = (await first('running')) ?? (await first('queued'))
    if (!active) return
    const line = `waiting for ${active.kind} ${active.id}: ${active.state}, ${active.progress} done`
    const now = performance.now()
    if (line !== last) [last, movedAt] = [line, now]
    if (now - movedAt > TASK_STILL_MS_MAX) throw new Error(`${line}: no progress for ${TASK_STILL_MS_MAX / 1000} s`)
    if (now - toldAt > TASK_TOLD_MS) {
      onProgress(line)
      toldAt = now
    }
    await nudge()
    await sleep(TASK_POLL_MS)
  }
}
