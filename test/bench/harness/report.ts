import { type Machine, machineFacts } from './machine.ts'

export interface Figure {
  value: number
  unit: string
}

export interface Target {
  name: string
  value: number
  /** Comparison and bound, such as `<= 8`. */
  target: string
  ok: boolean
}

/** What one topic measured. `skipped` names what could not be measured here, and why. */
export interface Report {
  topic: string
  commit: string
  machine: Machine
  figures: Record<string, Figure>
  targets: Target[]
  skipped: { name: string; reason: string }[]
}

const COMPARISONS = {
  '<=': (value: number, bound: number) => value <= bound,
  '>=': (value: number, bound: number) => value >= bound,
  '>': (value: number, bound: number) => value > bound,
} as const
export type Comparison = keyof typeof COMPARISONS

/** Collects the figures of one topic. */
export class Recorder {
  readonly #topic: string
  readonly #figures: Record<string, Figure> = {}
  readonly #targets: Target[] = []
  readonly #skipped: Report['skipped'] = []

  constructor(topic: string) {
    this.#topic = topic
  }

  figure(name: string, value: number, unit: string): void {
    this.#figures[name] = { value: Number(value.toPrecision(5)), unit }
  }

  /** Holds a recorded figure against its bound. A figure that was skipped has no target. */
  target(name: string, comparison: Comparison, bound: number): void {
    const figure = this.#figures[name]
    if (figure === undefined) return
    const ok = COMPARISONS[comparison](figure.value, bound)
    this.#targets.push({ name, value: figure.value, target: `${comparison} ${bound}`, ok })
  }

  /** @throws RangeError when the figure was not recorded */
  value(name: string): number {
    const figure = this.#figures[name]
    if (figure === undefined) throw new RangeError(`no figure "${name}" was recorded`)
    return figure.value
  }

  skip(name: string, reason: string): void {
    this.#skipped.push({ name, reason })
    this.progress(`${name} skipped: ${reason}`)
  }

  /** A line for the person who waits; stdout carries only the result. */
  progress(line: string): void {
    process.stderr.write(`[${this.#topic} ${(performance.now() / 1000).toFixed(0)} s] ${line}\n`)
  }

  report(): Report {
    const { commit, machine } = machineFacts()
    return {
      topic: this.#topic,
      commit,
      machine,
      figures: this.#figures,
      targets: this.#targets,
      skipped: this.#skipped,
    }
  }
}
