import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { tempDir } from '../../support/temp-dir.ts'
import { migrateWorkerd, startWorkerd } from '../../support/workerd-process.ts'
import type { EdgeClient } from './edge-client.ts'
import { createTenant } from './edge-tenant.ts'
import { REPOSITORY } from './repository.ts'

export const WORKERD_ENTRY = join(REPOSITORY, 'worker/entry/cloudflare.ts')

export interface WorkerdEdge extends AsyncDisposable {
  readonly client: EdgeClient
  /** Fires the cron trigger once, which a deployment does every minute and wrangler never does by itself. */
  fireTimer(): Promise<void>
}

/** The same application on local workerd, with one organisation, on state of its own. */
export async function startWorkerdEdge(variables: Record<string, string>): Promise<WorkerdEdge> {
  const state = await tempDir()
  const rootKey = randomBytes(32).toString('base64url')
  try {
    await migrateWorkerd(state.path)
    const server = await startWorkerd({ home: state.path, env: { MEMOS_ROOT_KEY: rootKey, ...variables } })
    try {
      const { client } = await createTenant(server.url, rootKey, server.output)
      return {
        client,
        fireTimer: server.fireTimer,
        async [Symbol.asyncDispose]() {
          client.close()
          await server.stop()
          await state.remove()
        },
      }
    } catch (error) {
      await server.stop()
      throw error
    }
  } catch (error) {
    await state.remove()
    throw error
  }
}
