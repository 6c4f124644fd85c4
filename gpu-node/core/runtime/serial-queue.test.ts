/**
 * Goal: runs on a runtime that bears only one at a time never overlap, in the order of asking.
 * Method: a session that counts how many runs are under way.
 */
import type { InferenceSession } from 'onnxruntime-common'
import { describe, expect, it } from 'vitest'
import { queuedSession, SerialQueue } from './serial-queue.ts'

describe('a serial queue', () => {
  it('lets runs of all its sessions wait for each other, also behind one that fails', async () => {
    let running = 0
    const log: number[] = []
    const session = {
      async run(feeds: unknown) {
        running += 1
        expect(running).toBe(1)
        await new Promise(setImmediate)
        running -= 1
        log.push(feeds as number)
        if (feeds === 2) throw new Error('two')
        return {}
      },
      release: async () => void log.push(0),
    } as unknown as InferenceSession
    const queue = new SerialQueue()
    const [first, second] = [queuedSession(session, queue), queuedSession(session, queue)]
    const run = (which: InferenceSession, feeds: number) => which.run(feeds as never)
    const results = await Promise.allSettled([run(first, 1), run(second, 2), run(first, 3), first.release()])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(log).toEqual([1, 2, 3, 0])
  })
})
