import { describe, expect, it } from 'vitest'
import { logPages } from './log-pages.ts'
import type { LogPage, LogPosition, SignedBytes } from './wire-types.ts'

const entry: SignedBytes = [new Uint8Array(1), new Uint8Array(64)]
const page = (entries: number): LogPage => ({ entries: Array.from({ length: entries }, () => entry), head: null })

/** A log of so many entries, three to a page; what was asked for is written down. */
function log(entries: number) {
  const asked: LogPosition[] = []
  const read = async (from: LogPosition) => {
    asked.push(from)
    return page(Math.max(0, Math.min(3, entries - from.seq)))
  }
  return { asked, read }
}

describe('pages of a log', () => {
  it('come in order up to the empty one', async () => {
    const { read, asked } = log(7)
    const sizes: number[] = []
    for await (const one of logPages(read, { epoch: 2, seq: 0 })) sizes.push(one?.entries.length ?? -1)
    expect(sizes).toEqual([3, 3, 1, 0])
    expect(asked.map(({ epoch, seq }) => [epoch, seq])).toEqual([0, 3, 6, 7].map((seq) => [2, seq]))
  })

  it('are asked for one ahead, and no further', async () => {
    const { read, asked } = log(100)
    for await (const one of logPages(read, { epoch: 0, seq: 0 })) {
      expect(one?.entries).toHaveLength(3)
      expect(asked).toHaveLength(2)
      break
    }
  })

  it('are null where the log is not served', async () => {
    const all: unknown[] = []
    for await (const one of logPages(async () => null, { epoch: 0, seq: 0 })) all.push(one)
    expect(all).toEqual([null])
  })

  it('fail when their turn comes, not before, and not for whoever has left', async () => {
    const read = async ({ seq }: LogPosition) => {
      if (seq > 0) throw new Error('gone')
      return page(1)
    }
    const pages = logPages(read, { epoch: 0, seq: 0 })
    expect((await pages.next()).value).toEqual(page(1))
    await expect(pages.next()).rejects.toThrow('gone')
    for await (const one of logPages(read, { epoch: 0, seq: 0 })) if (one) break
  })
})
