import { afterEach, expect, it } from 'vitest'
import { type DeafPeer, DeafWatchdog } from './deaf-watchdog.ts'

let close = () => {}
afterEach(() => close())

function watchdog({ isBack = true } = {}) {
  let now = 0
  const deaf: DeafPeer[] = []
  const reconnected: string[] = []
  const connected = new Set(['a', 'b'])
  const dog = new DeafWatchdog({
    reconnect: async (peerId) => {
      reconnected.push(peerId)
      if (!isBack) throw new Error('nobody there')
      return true
    },
    isConnected: (peerId) => connected.has(peerId),
    onDeaf: (peer) => deaf.push(peer),
    beaconMs: 10_000,
    graceMs: 2000,
    now: () => now,
  })
  close = () => dog.close()
  const pass = async (ms: number) => {
    now += ms
    dog.tick()
    await Promise.resolve()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { dog, deaf, reconnected, connected, pass }
}

it('a subscriber that publishes pass by for longer than the grace is called again', async () => {
  const { dog, deaf, pass } = watchdog()
  dog.published(['a', 'b'], ['b'])
  await pass(1000)
  dog.published(['a', 'b'], ['b'])
  await pass(1000)
  expect(deaf).toEqual([])
  dog.published(['a', 'b'], ['b'])
  await pass(0)
  expect(deaf).toEqual([{ peerId: 'a', reason: 'no_recipient', isBack: true }])
})

it('one publish that reaches it, or its going away, starts the count anew', async () => {
  const { dog, deaf, connected, pass } = watchdog()
  dog.published(['a'], [])
  await pass(1500)
  dog.published(['a'], ['a'])
  await pass(1500)
  dog.published(['a'], [])
  connected.delete('a')
  await pass(1500)
  connected.add('a')
  await pass(1500)
  dog.published(['a'], [])
  await pass(0)
  expect(deaf).toEqual([])
})

it('three beacons that stay away are a reason, one that comes is not; after that it waits for three more', async () => {
  const { dog, deaf, reconnected, pass } = watchdog({ isBack: false })
  dog.expectHead('org/main', 'a')
  await pass(25_000)
  dog.headSeen('org/main')
  await pass(25_000)
  expect(deaf).toEqual([])
  await pass(5000)
  expect(deaf).toEqual([{ peerId: 'a', reason: 'head_unseen', isBack: false }])
  await pass(29_000)
  expect(reconnected).toEqual(['a'])
  await pass(1000)
  expect(reconnected).toEqual(['a', 'a'])
})

it('a peer that stays deaf whatever is done is not called again all the time', async () => {
  const { dog, reconnected, pass } = watchdog()
  for (let ms = 0; ms < 60_000; ms += 500) {
    dog.published(['a'], [])
    await pass(500)
  }
  expect(reconnected).toHaveLength(2)
})

it('a publisher that is no longer expected is left alone', async () => {
  const { dog, deaf, pass } = watchdog()
  dog.expectHead('org/main', 'a')
  dog.forgetHead('org/main')
  dog.headSeen('org/main')
  await pass(100_000)
  expect(deaf).toEqual([])
})
