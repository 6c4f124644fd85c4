/** Goal: what is to be passed on waits for a random part of a short time, and leaves together and in order. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FORWARD_MS_MAX, GossipForwards } from './gossip-forwards.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function forwards(random: number) {
  const sent: string[] = []
  return {
    sent,
    waiting: new GossipForwards(
      (id, from) => sent.push(`${id} from ${from}`),
      () => random,
    ),
  }
}

it('what comes while something waits leaves with it, in order', () => {
  const { sent, waiting } = forwards(0.5)
  waiting.add('1', 'a')
  vi.advanceTimersByTime(FORWARD_MS_MAX / 2 - 1)
  waiting.add('2', 'b')
  expect(sent).toEqual([])
  vi.advanceTimersByTime(1)
  expect(sent).toEqual(['1 from a', '2 from b'])
  waiting.add('3', 'a')
  vi.advanceTimersByTime(FORWARD_MS_MAX)
  expect(sent).toHaveLength(3)
})

it('nothing leaves after the end', () => {
  const { sent, waiting } = forwards(1)
  waiting.add('1', 'a')
  waiting.close()
  vi.advanceTimersByTime(2 * FORWARD_MS_MAX)
  expect(sent).toEqual([])
})
