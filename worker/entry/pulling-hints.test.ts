import { expect, it } from 'vitest'
import { pullingHints } from './pulling-hints.ts'

it('hints are pulled at once, one pull at a time, and none is forgotten', async () => {
  const seen: number[] = []
  let running = 0
  let pulls = 0
  const hints = pullingHints({ headSeen: async (_did, _log, _epoch, seq) => void seen.push(seq) }, async () => {
    running += 1
    pulls += 1
    expect(running).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    running -= 1
  })
  await Promise.all([1, 2, 3, 4, 5].map((seq) => hints.headSeen('did:key:z', 'main', 0, seq)))
  await hints.headSeen('did:key:z', 'main', 0, 6)
  expect(seen).toEqual([1, 2, 3, 4, 5, 6])
  expect(pulls).toBeGreaterThan(1)
  expect(pulls).toBeLessThan(6)
})
