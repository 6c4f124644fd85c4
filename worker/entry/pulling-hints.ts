import type { HeadHints } from '../ports/mip.ts'

/**
 * Hints that are acted on at once instead of with the next upkeep. One pull runs at a time; what is hinted meanwhile is pulled by the next one.
 * `pull` handles its own failures.
 */
export function pullingHints(hints: HeadHints, pull: () => Promise<void>): HeadHints {
  let isPulling = false
  let isWanted = false
  const run = async () => {
    isWanted = true
    if (isPulling) return
    isPulling = true
    try {
      while (isWanted) {
        isWanted = false
        await pull()
      }
    } finally {
      isPulling = false
    }
  }
  return {
    async headSeen(did, log, epoch, seq) {
      await hints.headSeen(did, log, epoch, seq)
      await run()
    },
  }
}
