import { type OpenedEntry, openEntryParts } from '../../../protocol/core/entry.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import type { LogName, LogPage, LogRange } from '../../../protocol/core/wire-types.ts'
import { MIP_LOG_PAGE_ENTRIES_MAX } from '../../../schemas/limits-mip.ts'
import type { Mirror } from './mirrors.ts'

/** A page of which every entry has been looked at: its form is right, its signature is not yet verified. */
export interface OpenedPage extends Pick<LogPage, 'head'> {
  /** Entries that came. */
  count: number
  /** Those in front of the first that is no entry. */
  opened: OpenedEntry[]
  /** What is wrong with that one. */
  fault: MipError['code'] | null
}

export interface PageQuestion extends Pick<LogRange, 'from' | 'limit'> {
  /** What a cache may have kept is not enough. */
  isFresh: boolean
}

interface Ahead {
  mirror: Mirror
  question: PageQuestion
  page: Promise<OpenedPage | null>
  /** The page, once it is there. */
  arrived: OpenedPage | null
  abandon: AbortController
}

/**
 * Reads pages of a log, one ahead: while a page is verified and kept, the next one travels and is opened. What was asked ahead counts only
 * when it is what the reader asks next, of the same mirror; else it is as if it had never been asked, and what went wrong with it is nobody's
 * fault.
 */
export class LogPageReader {
  readonly #name: LogName
  readonly #signal: AbortSignal
  #ahead: Ahead | null = null

  constructor(name: LogName, signal: AbortSignal) {
    this.#name = name
    this.#signal = signal
  }

  /** One page as it came; null when the mirror does not serve the log. @throws MipRemoteError, or the signal's reason */
  ask(
    { remote }: Mirror,
    { from, limit, isFresh }: PageQuestion,
    signal: AbortSignal = this.#signal,
  ): Promise<LogPage | null> {
    return remote.log({ ...this.#name, from, limit }, { signal, ...(isFresh && { isFresh }) })
  }

  /** The same, opened; from what was asked ahead when it is that. @throws as ask */
  async read(mirror: Mirror, question: PageQuestion): Promise<OpenedPage | null> {
    const ahead = this.#ahead
    if (ahead?.mirror === mirror && isSame(ahead.question, question)) {
      this.#ahead = null
      return ahead.page
    }
    this.drop()
    return this.#open(mirror, question, this.#signal)
  }

  /** Asks for a page that `read` will probably want next. */
  readAhead(mirror: Mirror, question: PageQuestion): void {
    this.drop()
    const abandon = new AbortController()
    const page = this.#open(mirror, question, AbortSignal.any([this.#signal, abandon.signal]))
    const ahead: Ahead = { mirror, question, page, arrived: null, abandon }
    this.#ahead = ahead
    page.then(
      (opened) => {
        ahead.arrived = opened
      },
      // Whoever reads it hears of a failure; when nobody does there was none.
      () => undefined,
    )
  }

  /** What was asked ahead, when it is there already. */
  get arrived(): OpenedPage | null {
    return this.#ahead?.arrived ?? null
  }

  /** Forgets what was asked ahead. */
  drop(): void {
    this.#ahead?.abandon.abort()
    this.#ahead = null
  }

  async #open(mirror: Mirror, question: PageQuestion, signal: AbortSignal): Promise<OpenedPage | null> {
    const page = await this.ask(mirror, question, signal)
    return page === null ? null : openedPage(page)
  }
}

const isSame = (a: PageQuestion, b: PageQuestion) =>
  a.from.epoch === b.from.epoch && a.from.seq === b.from.seq && a.limit === b.limit && a.isFresh === b.isFresh

/** Opens the entries of a page up to the first that is none. A page of more than one may hold is none at all. */
export function openedPage({ entries, head }: LogPage): OpenedPage {
  const count = entries.length
  const opened: OpenedEntry[] = []
  if (count > MIP_LOG_PAGE_ENTRIES_MAX) return { count, head, opened, fault: 'too_large' }
  for (const [bytes, signature] of entries) {
    try {
      opened.push(openEntryParts(bytes, signature))
    } catch (error) {
      if (!(error instanceof MipError)) throw error
      return { count, head, opened, fault: error.code }
    }
  }
  return { count, head, opened, fault: null }
}
