import type { LogPage, LogRange } from '../../../protocol/core/wire-types.ts'
import type { MipServeOptions, MipSource } from '../../../protocol/host/mip-source.ts'
import { MemosError } from '../../../schemas/errors.ts'
import {
  MIP_TAIL_LOOK_MS,
  MIP_TAIL_MS_MAX,
  MIP_TAILS_MAX,
  MIP_TAILS_PER_ADDRESS_MAX,
} from '../../../schemas/limits-mip.ts'

let waiting = 0
const waitingAt = new Map<string, number>()

/**
 * The entries from a place onwards as soon as there are some, else the page without entries when the time is over: a follower that asks again
 * at once hears of an entry within a moment, over plain HTTP and through any proxy.
 */
export async function followTail(
  { mipSource }: { mipSource: MipSource },
  range: LogRange,
  options: MipServeOptions,
): Promise<LogPage | null> {
  const { address = '' } = options.caller
  const here = waitingAt.get(address) ?? 0
  if (waiting >= MIP_TAILS_MAX || here >= MIP_TAILS_PER_ADDRESS_MAX)
    throw new MemosError('overloaded', { retryAfterS: 1 })
  waiting += 1
  waitingAt.set(address, here + 1)
  try {
    for (let waitedMs = 0; ; waitedMs += MIP_TAIL_LOOK_MS) {
      const page = await mipSource.readLog(range, options)
      if (page === null || page.entries.length > 0 || waitedMs >= MIP_TAIL_MS_MAX) return page
      await pause(MIP_TAIL_LOOK_MS, options.signal)
    }
  } finally {
    waiting -= 1
    const left = (waitingAt.get(address) ?? 1) - 1
    if (left === 0) waitingAt.delete(address)
    else waitingAt.set(address, left)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const stop = () => {
    clearTimeout(timer)
    reject(new MemosError('deadline_exceeded'))
  }
  // A caller that went away before: it would be waited for to the end.
  if (signal.aborted) return Promise.reject(new MemosError('deadline_exceeded'))
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', stop)
    resolve()
  }, ms)
  signal.addEventListener('abort', stop, { once: true })
  return promise
}
