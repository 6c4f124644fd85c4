import { describe, expect, it } from 'vitest'
import type { ConnectedNode } from '../../ports/node-hub.ts'
import { NodeSlots } from './node-slots.ts'

const never = new AbortController().signal
const node = (running: number) => ({ nodeId: 'a', running }) as ConnectedNode

/** One node with one place. */
function onePlace(queueMax = 10) {
  const slots = new NodeSlots({ queueMax, lookMs: 10_000 })
  const attempt = async () => (slots.running(node(0)) === 0 ? slots.take('a') : null)
  return { slots, place: (signal = never) => slots.inTurn('q', signal, attempt) }
}

describe('places on nodes', () => {
  it('are given in the order of arrival, each when the one before is given back', async () => {
    const { slots, place } = onePlace()
    const order: number[] = []
    const first = await place()
    const others = [1, 2, 3].map((at) =>
      place().then((release) => {
        order.push(at)
        release()
      }),
    )
    await Promise.resolve()
    expect([slots.waiting('q'), slots.taken]).toEqual([3, 1])
    first()
    await Promise.all(others)
    expect(order).toEqual([1, 2, 3])
    expect([slots.waiting('q'), slots.taken]).toEqual([0, 0])
  })

  it('are refused with a time to come back when the queue is full', async () => {
    const { place } = onePlace(1)
    const release = await place()
    const waits = place()
    await expect(place()).rejects.toMatchObject({ code: 'no_node_free', status: 503, facts: { retryAfterS: 3 } })
    release()
    ;(await waits)()
  })

  it('are not kept for whoever has gone away or cannot have one', async () => {
    const { slots, place } = onePlace()
    const release = await place()
    const leaving = new AbortController()
    const left = place(leaving.signal)
    const next = place()
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    release()
    ;(await next)()
    await expect(slots.inTurn('q', never, () => Promise.reject(new Error('no model')))).rejects.toThrow('no model')
    expect([slots.waiting('q'), slots.taken]).toEqual([0, 0])
  })

  it('count what nodes report and what was given here, whichever is more; giving back twice gives back once', () => {
    const { slots } = onePlace()
    const releases = [slots.take('a'), slots.take('a')]
    expect([slots.running(node(1)), slots.running(node(5))]).toEqual([2, 5])
    releases[0]?.()
    releases[0]?.()
    expect(slots.running(node(0))).toBe(1)
  })
})
