/** How a follower caught up with a log. */
export interface CatchUpRun {
  entries: number
  ms: number
  /** CPU time of the follower's process. */
  cpuMs: number
  publisherCpuMs?: number
}
