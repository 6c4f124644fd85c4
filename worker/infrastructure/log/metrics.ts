const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

interface Histogram {
  counts: number[]
  sum: number
  count: number
}

/** Counters of this process in the Prometheus text format. Labels are route names and status codes only, so their number is bounded. */
export class Metrics {
  readonly #requests = new Map<string, number>()
  readonly #seconds = new Map<string, Histogram>()
  readonly #counters = new Map<string, { help: string; value: number }>()
  readonly #gauges = new Map<string, { help: string; read: () => number }>()
  inFlight = 0

  request(route: string, status: number, seconds: number): void {
    const key = `route="${route}",status="${status}"`
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1)
    const histogram = this.#seconds.get(route) ?? { counts: BUCKETS_S.map(() => 0), sum: 0, count: 0 }
    const bucket = BUCKETS_S.findIndex((bound) => seconds <= bound)
    if (bucket >= 0) histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1
    histogram.sum += seconds
    histogram.count += 1
    this.#seconds.set(route, histogram)
  }

  count(name: string, help: string, by: number): void {
    this.#counters.set(name, { help, value: (this.#counters.get(name)?.value ?? 0) + by })
  }

  /** Registers a value that is read when asked for. */
  gauge(name: string, help: string, read: () => number): void {
    this.#gauges.set(name, { help, read })
  }

  text(): string {
    return [
      ...family(
        'memos_requests_total',
        'counter',
        'Answered requests.',
        [...this.#requests].map(([labels, value]) => `{${labels}} ${value}`),
      ),
      ...family(
        'memos_request_seconds',
        'histogram',
        'Time to the end of the answer.',
        [...this.#seconds].flatMap(([route, h]) => histogramLines(route, h)),
        false,
      ),
      ...family('memos_in_flight', 'gauge', 'Requests being served.', [` ${this.inFlight}`]),
      ...[...this.#counters].flatMap(([name, { help, value }]) => family(name, 'counter', help, [` ${value}`])),
      ...[...this.#gauges].flatMap(([name, { help, read }]) => family(name, 'gauge', help, [` ${read()}`])),
      '',
    ].join('\n')
  }
}

const family = (name: string, type: string, help: string, samples: readonly string[], prefixed = true): string[] =>
  samples.length === 0
    ? []
    : [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...samples.map((sample) => (prefixed ? name + sample : sample)),
      ]

function histogramLines(route: string, { counts, sum, count }: Histogram): string[] {
  let cumulative = 0
  const buckets = BUCKETS_S.map((bound, at) => {
    cumulative += counts[at] ?? 0
    return `memos_request_seconds_bucket{route="${route}",le="${bound}"} ${cumulative}`
  })
  return [
    ...buckets,
    `memos_request_seconds_bucket{route="${route}",le="+Inf"} ${count}`,
    `memos_request_seconds_sum{route="${route}"} ${sum}`,
    `memos_request_seconds_count{route="${route}"} ${count}`,
  ]
}
