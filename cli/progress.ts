import type { Io } from './io.ts'

const BAR_WIDTH = 24
const REDRAW_MS_MIN = 80
const CLEAR_LINE = '\r\u001b[2K'

/** A line on stderr that is drawn again and again. Silent when nobody watches. */
export class Progress {
  readonly #io: Io
  readonly #title: string
  readonly #show: (amount: number) => string
  #drawnAtMs = 0

  constructor(io: Io, title: string, show: (amount: number) => string = String) {
    this.#io = io
    this.#title = title
    this.#show = show
  }

  /** `total` is null while it is not known. */
  update(done: number, total: number | null): void {
    const nowMs = Date.now()
    if (!this.#io.isErrTerminal || (nowMs - this.#drawnAtMs < REDRAW_MS_MIN && done !== total)) return
    this.#drawnAtMs = nowMs
    this.#io.err(`${CLEAR_LINE}${this.#title} ${progressText(done, total, this.#show)}`)
  }

  /** Takes the line away. */
  end(): void {
    if (this.#io.isErrTerminal) this.#io.err(CLEAR_LINE)
  }
}

/** `[######------] 50% 12 of 24`, or only the amount while the total is not known. */
export function progressText(done: number, total: number | null, show: (amount: number) => string = String): string {
  if (total === null || total === 0) return show(done)
  const share = Math.min(1, done / total)
  const filled = Math.round(share * BAR_WIDTH)
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${Math.floor(share * 100)}% ${show(done)} of ${show(total)}`
}
