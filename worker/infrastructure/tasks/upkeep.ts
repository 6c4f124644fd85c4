import type { Logger } from '../../ports/logger.ts'

/** Work of every minute: bounded per call, safe to be cut off anywhere and to run twice at once. */
export interface UpkeepStep {
  name: string
  run(): Promise<unknown>
}

/** Runs all steps in order. One that fails is logged and does not keep the others from their turn. */
export async function runUpkeep(steps: readonly UpkeepStep[], logger: Logger): Promise<void> {
  for (const { name, run } of steps) {
    try {
      await run()
    } catch (error) {
      logger.warn('upkeep_failed', { step: name, error: error instanceof Error ? error.name : 'unknown' })
    }
  }
}
