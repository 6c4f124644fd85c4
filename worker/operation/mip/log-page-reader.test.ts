/**
 * Goal: a page that was asked ahead is used only where it is the answer to what is asked, and is otherwise as if it had never been asked.
 * Method: a mirror whose answers are settled by hand.
 */
import { describe, expect, it } from 'vitest'
import { MipRemoteError } from '../../../protocol/core/mip-remote-error.ts'
import type { LogPage, LogRange } from '../../../protocol/core/wire-types.ts'
import type { MipCallOptions, MipRemote } from '../../../protocol/host/mip-remote.ts'
import { MIP_LOG_PAGE_ENTRIES_MAX } from '../../../schemas/limits-mip.ts'
import { MipPublisher } from '../../../test/support/mip-publisher.ts'
import { LogPageReader, openedPage, type PageQuestion } from './log-page-reader.ts'

const EMPTY: LogPage = { entries: [], head: null }
const NAME = { org: 'did:key:z6Mk', log: 'main' }
const question = (seq: number, more: Partial<PageQuestion> = {}): PageQuestion => ({
  from: { epoch: 0, seq },
  limit: 10,
  isFresh: false,
  ...more,
})

/** Notes what it is asked, and gives one answer after the other. */
function mirrorOf(...answers: (LogPage | null | Error)[]) {
  const asked: { range: LogRange; options: MipCallOptions }[] = []
  const log = async (range: LogRange, options: MipCallOptions) => {
    const answer = answers[asked.push({ range, options }) - 1] ?? null
    if (answer instanceof Error) throw answer
    return answer
  }
  return { asked, mirror: { address: 'a', remote: { log } as unknown as MipRemote } }
}

describe('a page that was asked ahead', () => {
  it('is the answer to the same question, once', async () => {
    const { asked, mirror } = mirrorOf(EMPTY, null)
    const reader = new LogPageReader(NAME, new AbortController().signal)
    reader.readAhead(mirror, question(5))
    expect(reader.arrived).toBeNull()
    expect(await reader.read(mirror, question(5))).toEqual({ head: null, count: 0, opened: [], fault: null })
    expect(asked).toHaveLength(1)
    expect(asked[0]!.range).toEqual({ ...NAME, from: { epoch: 0, seq: 5 }, limit: 10 })
    expect(await reader.read(mirror, question(5))).toBeNull()
    expect(asked).toHaveLength(2)
  })

  it.each([
    ['place', question(6)],
    ['epoch', question(5, { from: { epoch: 1, seq: 5 } })],
    ['length', question(5, { limit: 1 })],
    ['freshness', question(5, { isFresh: true })],
  ])('is abandoned for a question that differs in its %s', async (_, other) => {
    const { asked, mirror } = mirrorOf(null, EMPTY)
    const reader = new LogPageReader(NAME, new AbortController().signal)
    reader.readAhead(mirror, question(5))
    expect(await reader.read(mirror, other)).toMatchObject({ count: 0 })
    expect(asked[0]!.options.signal.aborted).toBe(true)
    expect(asked[1]!.options).toMatchObject(other.isFresh ? { isFresh: true } : {})
    expect(asked[1]!.options.signal.aborted).toBe(false)
  })

  it('is no answer of another mirror', async () => {
    const [one, two] = [mirrorOf(null), mirrorOf(EMPTY)]
    const reader = new LogPageReader(NAME, new AbortController().signal)
    reader.readAhead(one.mirror, question(5))
    expect(await reader.read(two.mirror, question(5))).toMatchObject({ count: 0 })
  })

  it('that fails is the fault of whoever reads it, and of nobody when it is dropped', async () => {
    const failure = new MipRemoteError('unreachable', 'no connection')
    const { mirror } = mirrorOf(failure, failure)
    const reader = new LogPageReader(NAME, new AbortController().signal)
    reader.readAhead(mirror, question(5))
    await Promise.resolve()
    await expect(reader.read(mirror, question(5))).rejects.toBe(failure)
    reader.readAhead(mirror, question(6))
    reader.drop()
    await new Promise((resolve) => setImmediate(resolve))
    expect(reader.arrived).toBeNull()
  })

  it('is there as soon as it has come', async () => {
    const { mirror } = mirrorOf(EMPTY)
    const reader = new LogPageReader(NAME, new AbortController().signal)
    reader.readAhead(mirror, question(5))
    await new Promise((resolve) => setImmediate(resolve))
    const { arrived } = reader
    expect(arrived).toMatchObject({ count: 0 })
    expect(await reader.read(mirror, question(5))).toBe(arrived)
    expect(reader.arrived).toBeNull()
  })
})

describe('opening a page', () => {
  it('stops at the first that is no entry', async () => {
    const publisher = await MipPublisher.create(5)
    await publisher.publish({ text: 'The ferry leaves at six.' })
    const entries = publisher.log('main').entries.map(({ bytes, signature }) => [bytes, signature] as const)
    const broken = [entries[0]!, [Uint8Array.of(0xff), entries[1]![1]] as const, entries[2]!]
    const page = openedPage({ entries: broken, head: null })
    expect(page).toMatchObject({ count: 3, fault: 'not_canonical' })
    expect(page.opened.map(({ entry }) => entry.seq)).toEqual([0])
  })

  it('takes nothing of more than a page may hold', async () => {
    const entry = [new Uint8Array(1), new Uint8Array(64)] as const
    const entries = Array.from({ length: MIP_LOG_PAGE_ENTRIES_MAX + 1 }, () => entry)
    expect(openedPage({ entries, head: null })).toMatchObject({ opened: [], fault: 'too_large' })
  })
})
