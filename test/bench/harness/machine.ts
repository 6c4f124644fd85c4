import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { REPOSITORY } from './repository.ts'

/** What a reader needs to judge a figure. Names no host and no user. */
export interface Machine {
  cpu: string
  cores: number
  memoryGiB: number
  platform: string
  node: string
  /** Mean number of runnable processes over the last minute when the topic ended; above `cores`, wall times are inflated. */
  load1m: number
}

export function machineFacts(): { commit: string; machine: Machine } {
  return {
    commit: commit(),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      platform: `${process.platform} ${process.arch}`,
      node: process.version,
      load1m: Number((loadavg()[0] ?? 0).toFixed(2)),
    },
  }
}

/** Short id of HEAD, with `-dirty` when files differ from it; results that were just saved aside. */
function commit(): string {
  try {
    const head = git('rev-parse', '--short', 'HEAD')
    return git('status', '--porcelain', '--', '.', ':!test/bench/results') === '' ? head : `${head}-dirty`
  } catch {
    return 'unknown'
  }
}

const git = (...args: string[]) =>
  execFileSync('git', ['--no-optional-locks', ...args], {
    cwd: REPOSITORY,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
