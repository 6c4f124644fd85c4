import { BLOCK_CHANGES_PER_TICK_MAX, BLOCK_RETRY_MS } from '../../../schemas/limits.ts'
import type { DueBlock } from '../../infrastructure/blocks/due-blocks.ts'
import type { VaultSessions } from '../../infrastructure/vault/vault-session.ts'
import { GuardError } from '../../ports/database.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { BlockEvolution } from './block-evolution.ts'

const TICK_MS_MAX = 20_000

export interface BlocksTickComponents {
  evolution: Pick<BlockEvolution, 'evolve'>
  sessions: VaultSessions
  systemContext(orgId: string, operation: string, nowMs: number, signal: AbortSignal): RequestContext
  runtime: Runtime
  logger: Logger
}

/** Lets blocks evolve that feedback has come for. Two at once change nothing twice: each change expects the block as it was read. */
export class BlocksTick {
  readonly #components: BlocksTickComponents

  constructor(components: BlocksTickComponents) {
    this.#components = components
  }

  async run(due: readonly DueBlock[]): Promise<void> {
    const { sessions, systemContext, runtime, evolution, logger } = this.#components
    const signal = AbortSignal.timeout(TICK_MS_MAX)
    for (const block of due) {
      if (signal.aborted || block.dueMs === null) return
      const context = systemContext(block.orgId, 'evolveBlock', runtime.nowMs(), signal)
      const session = await sessions(context, 'write')
      let nextDueMs: number | null = null
      try {
        const { proposals } = await evolution.evolve(session, block.id, context, BLOCK_CHANGES_PER_TICK_MAX)
        // There may be more to do: at once, in the next minute.
        if (proposals.length === BLOCK_CHANGES_PER_TICK_MAX) nextDueMs = context.nowMs
      } catch (error) {
        nextDueMs = context.nowMs + BLOCK_RETRY_MS
        if (!(error instanceof GuardError))
          logger.warn('block_evolution_failed', {
            blockId: block.id,
            error: error instanceof Error ? error.name : 'unknown',
          })
      }
      await session.vault.apply([{ kind: 'rest_block', blockId: block.id, dueMs: block.dueMs, nextDueMs }])
    }
  }
}
