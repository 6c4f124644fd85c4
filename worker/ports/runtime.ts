/** Clock, dice and background work; tests step the clock and seed the dice. */
export interface Runtime {
  nowMs(): number
  randomBytes(length: number): Uint8Array
  /** Lets work go on after the answer. The host waits for it before it stops. */
  defer(work: Promise<unknown>): void
}
