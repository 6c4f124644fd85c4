import { chooseDatabase, chooseMove, type Load, mustShed, type PlacementLimits, plus } from './placement-policy.ts'
import { loadOn, type Population, type PopulationInit, population, uniforms } from './population.ts'

/** On any day this share of organisations is searched this many times as often as usual. */
const SURGE_SHARE = 0.0005
const SURGE_FACTOR = 20
const NOTHING: Load = { bytes: 0, busyMs: 0, organisations: 0 }
/** Organisations that one database gives away on one day at most: a move copies data and holds writes back. */
const MOVES_PER_DATABASE_DAY_MAX = 8

export interface DayReport {
  organisations: number
  databases: number
  moves: number
  bytesMoved: number
  /** Databases with more work or bytes than their budget before the day's moves. */
  hot: number
  overfull: number
}

export interface SimulationReport {
  days: DayReport[]
  /** On the last day. */
  databases: Load[]
  organisationsPerDatabase: number[]
  largestBytes: number
  /** Organisations that exceed a whole database by themselves; no placement helps them. */
  tooLarge: number
  tooBusy: number
}

/** Places organisations as they arrive and moves them as they grow, one day at a time. */
export function simulate(init: PopulationInit, limits: PlacementLimits): SimulationReport {
  const fleet = new Fleet(init, limits)
  const days: DayReport[] = []
  for (let day = 1; day <= init.days; day++) days.push(fleet.step(day))
  return fleet.report(days)
}

class Fleet {
  readonly #init: PopulationInit
  readonly #limits: PlacementLimits
  readonly #all: Population
  readonly #random: () => number
  readonly #loads: Load[]
  readonly #members: number[][] = []
  readonly #databases: Load[] = []
  #arrived = 0

  constructor(init: PopulationInit, limits: PlacementLimits) {
    this.#init = init
    this.#limits = limits
    this.#all = population(init)
    this.#random = uniforms(init.seed + 3)
    this.#loads = Array.from({ length: init.organisations }, () => NOTHING)
  }

  step(day: number): DayReport {
    this.#grow(day)
    while (this.#arrived < this.#all.count && (this.#all.arrivalDay[this.#arrived] as number) < day)
      this.#place(this.#arrived++)
    const { capacity } = this.#limits
    const hot = this.#databases.filter((one) => one.busyMs > capacity.busyMs).length
    const overfull = this.#databases.filter((one) => one.bytes > capacity.bytes).length
    const moved = this.#rebalance()
    return {
      organisations: this.#arrived,
      databases: this.#databases.length,
      moves: moved.count,
      bytesMoved: moved.bytes,
      hot,
      overfull,
    }
  }

  report(days: DayReport[]): SimulationReport {
    const { capacity } = this.#limits
    const most = (pick: (load: Load) => number) => this.#loads.reduce((max, load) => Math.max(max, pick(load)), 0)
    return {
      days,
      databases: this.#databases,
      organisationsPerDatabase: this.#members.map((members) => members.length),
      largestBytes: most((load) => load.bytes),
      tooLarge: this.#loads.filter((load) => load.bytes > capacity.bytes).length,
      tooBusy: this.#loads.filter((load) => load.busyMs > capacity.busyMs).length,
    }
  }

  #grow(day: number) {
    for (const [at, members] of this.#members.entries()) {
      this.#databases[at] = members.map((member) => this.#update(day, member)).reduce(plus, NOTHING)
    }
    for (let at = this.#arrived; at < this.#all.count && (this.#all.arrivalDay[at] as number) < day; at++)
      this.#update(day, at)
  }

  #update(day: number, at: number): Load {
    const surge = this.#random() < SURGE_SHARE ? SURGE_FACTOR : 1
    const load = loadOn(day, at, this.#all, this.#init, surge)
    this.#loads[at] = load
    return load
  }

  #place(organisation: number) {
    const load = this.#loads[organisation] as Load
    const at = chooseDatabase(this.#databases, load, this.#limits) ?? this.#open()
    this.#databases[at] = plus(this.#databases[at] as Load, load)
    this.#members[at]?.push(organisation)
  }

  #open(): number {
    this.#members.push([])
    return this.#databases.push(NOTHING) - 1
  }

  #rebalance(): { count: number; bytes: number } {
    const moved = { count: 0, bytes: 0 }
    for (let at = 0; at < this.#databases.length; at++) {
      for (
        let move = 0;
        move < MOVES_PER_DATABASE_DAY_MAX && mustShed(this.#databases[at] as Load, this.#limits);
        move++
      ) {
        const members = this.#members[at] as number[]
        const loads = members.map((member) => this.#loads[member] as Load)
        const index = chooseMove(loads, this.#limits)
        if (index === null) break
        const [organisation] = members.splice(index, 1) as [number]
        this.#databases[at] = loads.toSpliced(index, 1).reduce(plus)
        this.#place(organisation)
        moved.count += 1
        moved.bytes += loads[index]?.bytes ?? 0
      }
    }
    return moved
  }
}
