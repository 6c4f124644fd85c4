import type { LogPage, LogPosition } from './wire-types.ts'

/** Asks for the page of a log that begins at a position; null where the log is not served. */
export type ReadPage = (from: LogPosition) => Promise<LogPage | null>

/**
 * The pages of a log one after the other, the next one already asked for while one is worked on: what the other side and the network need
 * for a page and what verifying and storing one takes then happen at the same time. Ends behind a page without entries, or with null.
 * One page waits at most. Leaving the loop leaves the call for it to its signal.
 */
export async function* logPages(read: ReadPage, from: LogPosition): AsyncGenerator<LogPage | null, void> {
  let at = from
  let next = read(at)
  for (;;) {
    const page = await next
    if (page === null || page.entries.length === 0) {
      yield page
      return
    }
    // Numbers go on through epochs, so the next entry is there whatever epoch it opens.
    at = { epoch: at.epoch, seq: at.seq + page.entries.length }
    next = read(at)
    // Nobody may ask for it any more; whoever does gets the error.
    next.catch(() => {})
    yield page
  }
}
