import { CliError } from '../../cli/failure.ts'
import type { Io } from '../../cli/io.ts'
import { Progress } from '../../cli/progress.ts'
import type { FederationEdge } from './federation-edge.ts'

export type Way = 'libp2p' | 'http'

/** Says step by step what was checked. A check that does not hold ends the demo. */
export class Checks {
  readonly io: Io
  held = 0
  readonly #startedAt = performance.now()

  constructor(io: Io) {
    this.io = io
  }

  step(title: string): void {
    const seconds = (performance.now() - this.#startedAt) / 1000
    this.io.out(`\n${title}${`${seconds.toFixed(1)} s`.padStart(Math.max(2, 100 - title.length))}\n`)
  }

  note(text: string): void {
    this.io.out(`    ${text}\n`)
  }

  /** @throws CliError when it does not hold */
  holds(what: string, isSo: boolean): void {
    if (!isSo) throw new CliError(`✗ ${what}`, { next: 'Not so. See the steps above.' })
    this.held += 1
    this.io.out(`  ✓ ${what}\n`)
  }

  async progress<T>(title: string, work: (report: (done: number, total: number) => void) => Promise<T>): Promise<T> {
    const progress = new Progress(this.io, title)
    try {
      return await work((done, total) => progress.update(done, total))
    } finally {
      progress.end()
    }
  }
}

/** Who speaks with whom, as text. */
export function topologyText(
  [a, b, mirror]: readonly [FederationEdge, FederationEdge, FederationEdge],
  way: Way,
): string {
  const label = ({ name, host }: FederationEdge) => `${name} (${host})`
  const left = Math.max(label(a).length, 12)
  const wire = way === 'libp2p' ? 'libp2p' : ' HTTP '
  const pad = ' '.repeat(left)
  return [
    `  ${label(a).padEnd(left)} ──────── ${wire} ────────▶ ${label(b)}`,
    `  ${pad} ╲                      ▲`,
    `  ${pad}  ╲                    ╱`,
    `  ${pad}   ╰─▶ ${label(mirror)} ─╯`,
    '',
    '  publishes            carries what was signed          follows by tag',
    '',
  ].join('\n')
}

export const short = (text: string): string => (text.length <= 20 ? text : `${text.slice(0, 12)}…${text.slice(-6)}`)
