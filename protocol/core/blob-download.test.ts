import { describe, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../test/conformance/seeded-random.ts'
import { addChunk, bitfieldFor, countChunks, hasChunk, missingRuns } from './bitfield.ts'
import { BlobDownload } from './blob-download.ts'
import { DOWNLOAD_RULES, type DownloadAction } from './download-rules.ts'

const CHUNK = 65_536
const shapeOf = (chunks: number) => ({ size: chunks * CHUNK, chunk: CHUNK })
const RULES = { windowChunksMax: 4, requestChunksMax: 2 }
const NOTHING = new Uint8Array()

const requested = (actions: readonly DownloadAction[], provider?: string) =>
  actions.flatMap((one) =>
    one.type === 'request' && (provider === undefined || one.provider === provider) ? one.indexes : [],
  )
const kinds = (actions: readonly DownloadAction[]) => actions.map((one) => one.type)

function begun(chunks: number, providers: string[], rules = RULES) {
  const plan = new BlobDownload(shapeOf(chunks), rules)
  for (const provider of providers) plan.on({ type: 'provider', provider, atMs: 0 })
  return { plan, first: plan.on({ type: 'reserved', have: NOTHING, atMs: 0 }) }
}

describe('a download', () => {
  it('reserves the whole size and asks nobody before it is granted', () => {
    const plan = new BlobDownload(shapeOf(10))
    expect(plan.start()).toEqual([{ type: 'reserve', bytes: 10 * CHUNK }])
    expect(plan.on({ type: 'provider', provider: 'a', atMs: 0 })).toEqual([])
    expect(requested(plan.on({ type: 'reserved', have: NOTHING, atMs: 0 }))).toHaveLength(10)
  })

  it('of nothing, or of what is there, is complete at once', () => {
    expect(kinds(begun(0, ['a']).first)).toEqual(['complete'])
    const plan = new BlobDownload(shapeOf(3))
    expect(kinds(plan.on({ type: 'reserved', have: Uint8Array.of(0xff), atMs: 0 }))).toEqual(['complete'])
  })

  it('asks only for chunks that are missing', () => {
    const have = bitfieldFor(6)
    for (const index of [0, 2, 3]) addChunk(have, index)
    const plan = new BlobDownload(shapeOf(6))
    plan.on({ type: 'provider', provider: 'a', atMs: 0 })
    expect(requested(plan.on({ type: 'reserved', have, atMs: 0 })).toSorted()).toEqual([1, 4, 5])
  })

  it('gives a second provider half of what the first has not been asked for', () => {
    const { plan, first } = begun(100, ['a'])
    expect(requested(first)).toEqual([0, 1, 2, 3])
    expect(requested(plan.on({ type: 'provider', provider: 'b', atMs: 1 }))).toEqual([52, 53, 54, 55])
  })

  it('at the end asks an idle provider for what another one owes, from the back, and cancels the slower copy', () => {
    const { plan, first } = begun(4, ['a'])
    expect(requested(first)).toEqual([0, 1, 2, 3])
    expect(requested(plan.on({ type: 'provider', provider: 'b', atMs: 1 }))).toEqual([3, 2])
    const won = plan.on({ type: 'chunk', provider: 'b', index: 3, valid: true, atMs: 2 })
    expect(won).toEqual([
      { type: 'write', index: 3 },
      { type: 'cancel', provider: 'a', indexes: [3] },
    ])
    // The copy that was on its way is no offence, and not written twice.
    expect(plan.on({ type: 'chunk', provider: 'a', index: 3, valid: true, atMs: 3 })).toEqual([])
  })

  it('drops who sends a wrong chunk with a strike, and fetches that chunk elsewhere', () => {
    const { plan } = begun(4, ['a'])
    const actions = plan.on({ type: 'chunk', provider: 'a', index: 1, valid: false, atMs: 1 })
    expect(actions).toEqual([{ type: 'drop', provider: 'a', reason: 'bad_chunk', strike: true }, { type: 'starved' }])
    const again = plan.on({ type: 'provider', provider: 'b', atMs: 2 })
    expect(requested(again, 'b').toSorted()).toEqual([0, 1, 2, 3])
    expect(requested(plan.on({ type: 'provider', provider: 'a', atMs: 3 }))).toEqual([])
  })

  it('drops who sends what nobody asked it for', () => {
    const { plan } = begun(50, ['a'])
    const [drop] = plan.on({ type: 'chunk', provider: 'a', index: 40, valid: true, atMs: 1 })
    expect(drop).toEqual({ type: 'drop', provider: 'a', reason: 'unrequested', strike: true })
  })

  it('drops who is slower than the least rate, without a strike, and never while its chunk is being written', () => {
    const { plan } = begun(4, ['a'])
    const allowed = DOWNLOAD_RULES.graceMs + (CHUNK * 1000) / DOWNLOAD_RULES.bytesPerSecondMin
    expect(plan.dueAtMs).toBe(allowed)
    expect(plan.on({ type: 'tick', atMs: allowed - 1 })).toEqual([])
    plan.on({ type: 'chunk', provider: 'a', index: 0, valid: true, atMs: 10 })
    expect(plan.dueAtMs).toBe(null)
    plan.on({ type: 'written', provider: 'a', index: 0, atMs: 90_000 })
    expect(plan.dueAtMs).toBe(90_000 + allowed)
    const [drop] = plan.on({ type: 'tick', atMs: 90_000 + allowed })
    expect(drop).toEqual({ type: 'drop', provider: 'a', reason: 'too_slow', strike: false })
  })

  it('asks four providers at once and a further one when one is dropped', () => {
    const { plan, first } = begun(100, ['a', 'b', 'c', 'd', 'e'])
    expect(requested(first, 'e')).toEqual([])
    expect(requested(plan.on({ type: 'failed', provider: 'b', atMs: 1 }), 'e').length).toBeGreaterThan(0)
  })

  it('finds every chunk among providers that each have a part, and starves when nobody has one', () => {
    const { plan, first } = begun(2, ['a', 'b'])
    expect(requested(first, 'a')).toEqual([0, 1])
    const moved = plan.on({ type: 'absent', provider: 'a', indexes: [1], atMs: 1 })
    expect(requested(moved)).not.toContain(1)
    expect(kinds(plan.on({ type: 'absent', provider: 'b', indexes: [1, 0], atMs: 2 }))).toEqual([])
    plan.on({ type: 'chunk', provider: 'a', index: 0, valid: true, atMs: 3 })
    expect(kinds(plan.on({ type: 'written', provider: 'a', index: 0, atMs: 4 }))).toEqual(['starved'])
  })
})

describe('bitfields', () => {
  it('count, list gaps, and drop what lies beyond the last chunk', () => {
    const bits = bitfieldFor(11, Uint8Array.of(0b1010_0000, 0xff, 0xff))
    expect([...bits]).toEqual([0b1010_0000, 0b1110_0000])
    expect(countChunks(bits)).toBe(5)
    expect(missingRuns(bits, 11)).toEqual([
      { from: 1, to: 2 },
      { from: 3, to: 8 },
    ])
    expect(hasChunk(bits, 200)).toBe(false)
  })
})

describe('with random providers', () => {
  const seed = startSeed()

  it(`every download ends complete while one honest provider is left, and wastes little (SEED=${seed})`, () => {
    const random = seededRandom(seed)
    for (let i = 0; i < 300; i++) {
      const run = simulate(random)
      expect(run.ended, `SEED=${seed} case ${i}`).toBe('complete')
      expect(run.writes, `SEED=${seed} case ${i}`).toBe(run.missing)
      expect(run.badDelivered, `SEED=${seed} case ${i}`).toBeLessThanOrEqual(run.liars)
    }
  })
})

type Random = (below: number) => number
type Habit = 'honest' | 'liar' | 'mute' | 'dies' | 'partial'

/** Plays providers of every habit against the plan with a stepped clock; checks its promises on the way. */
function simulate(random: Random) {
  const chunks = 1 + random(300)
  const have = bitfieldFor(
    chunks,
    Uint8Array.from({ length: 40 }, () => random(256) & random(256)),
  )
  const habits = new Map<string, Habit>([['p0', 'honest']])
  for (let i = random(6); i > 0; i--)
    habits.set(`p${i}`, (['honest', 'liar', 'mute', 'dies', 'partial'] as const)[random(5)]!)
  const plan = new BlobDownload(shapeOf(chunks), { windowChunksMax: 8, requestChunksMax: 1 + random(4) })
  const queues = new Map<string, number[]>()
  const dropped = new Set<string>()
  const written = new Set<number>()
  const missing = chunks - countChunks(have)
  let nowMs = 0
  let badDelivered = 0
  let ended = ''
  const perform = (actions: DownloadAction[]) => {
    for (const action of actions) {
      if (action.type === 'request') {
        if (dropped.has(action.provider)) throw new Error('asked a provider that was dropped')
        queues.set(action.provider, [...(queues.get(action.provider) ?? []), ...action.indexes])
      } else if (action.type === 'drop') dropped.add(action.provider)
      else if (action.type === 'write') {
        if (written.has(action.index) || hasChunk(have, action.index)) throw new Error('wrote a chunk twice')
        written.add(action.index)
      } else if (action.type === 'complete') ended = 'complete'
    }
    return kinds(actions).includes('write')
  }
  for (const provider of habits.keys()) perform(plan.on({ type: 'provider', provider, atMs: 0 }))
  perform(plan.on({ type: 'reserved', have, atMs: 0 }))
  for (let step = 0; ended === '' && step < 50_000; step++) {
    const busy = [...queues].filter(([id, queue]) => queue.length > 0 && !dropped.has(id) && habits.get(id) !== 'mute')
    if (busy.length === 0) {
      const due = plan.dueAtMs
      if (due === null) break
      nowMs = due
      perform(plan.on({ type: 'tick', atMs: due }))
      continue
    }
    const [provider, queue] = busy[random(busy.length)]!
    const index = queue.shift()!
    const habit = habits.get(provider)
    nowMs += random(20)
    if (habit === 'dies' && random(10) === 0) perform(plan.on({ type: 'failed', provider, atMs: nowMs }))
    else if (habit === 'partial' && index % 3 === 0)
      perform(plan.on({ type: 'absent', provider, indexes: [index], atMs: nowMs }))
    else {
      const valid = habit !== 'liar' || random(4) > 0
      if (!valid) badDelivered += 1
      if (perform(plan.on({ type: 'chunk', provider, index, valid, atMs: nowMs })))
        perform(plan.on({ type: 'written', provider, index, atMs: nowMs }))
    }
  }
  const liars = [...habits.values()].filter((habit) => habit === 'liar').length
  return { ended, writes: written.size, missing, badDelivered, liars }
}
