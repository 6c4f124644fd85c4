import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../ports/logger.ts'

const PROGRAM = join(import.meta.dirname, '../../..', 'gpu-node/entry/node/embedded.ts')
const FIRST_WAIT_MS = 1000
const LAST_WAIT_MS = 5 * 60_000
/** A node that has run for so long was well: the next restart waits as little as the first. */
const WELL_MS = 60_000
const KILL_MS = 2000

export interface EmbeddedNodeInit {
  /** Folder of the model. */
  model: string
  /** Folder for the node's key. */
  home: string
  /** Base address of the edge. */
  edge: string
  /** A token with which the node may join once. */
  joinToken(): Promise<string>
  logger: Logger
}

/**
 * The GPU node of this edge in a process of its own. It is started again when it dies, each time after a longer wait. Without a model the edge
 * says so once and goes on without.
 */
export class EmbeddedNode {
  readonly #init: EmbeddedNodeInit
  #child: ChildProcess | null = null
  #timer: NodeJS.Timeout | undefined
  #waitMs = FIRST_WAIT_MS
  #isStopped = false

  constructor(init: EmbeddedNodeInit) {
    this.#init = init
  }

  /** Answers whether there is a model to start. */
  start(): boolean {
    const { model, logger } = this.#init
    if (!existsSync(join(model, 'config.json'))) {
      logger.info('embedded_node_off', { reason: 'no_model' })
      return false
    }
    void this.#launch()
    return true
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child === null || child.exitCode !== null) return
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    if (child.connected) child.disconnect()
    const kill = setTimeout(() => child.kill('SIGKILL'), KILL_MS)
    await ended
    clearTimeout(kill)
  }

  async #launch(): Promise<void> {
    const { model, home, edge, joinToken, logger } = this.#init
    try {
      const start = { edge, model, home, joinToken: await joinToken() }
      if (this.#isStopped) return
      const startedMs = performance.now()
      // Only what a program needs to run: keys of the edge are not the node's.
      const env = { PATH: process.env.PATH, HOME: process.env.HOME }
      const child = fork(PROGRAM, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
      this.#child = child
      child.on('message', (state: { kind: string; code?: string }) =>
        logger.info('embedded_node', { state: state.kind, code: state.code }),
      )
      child.on('error', (error) => logger.warn('embedded_node_failed', { error: error.name }))
      child.on('exit', (code) => {
        if (performance.now() - startedMs > WELL_MS) this.#waitMs = FIRST_WAIT_MS
        this.#again(`exit ${code}`)
      })
      child.send(start)
    } catch (error) {
      this.#again(error instanceof Error ? error.name : 'unknown')
    }
  }

  #again(reason: string): void {
    if (this.#isStopped) return
    this.#init.logger.warn('embedded_node_ended', { reason, againMs: this.#waitMs })
    this.#timer = setTimeout(() => void this.#launch(), this.#waitMs)
    this.#waitMs = Math.min(LAST_WAIT_MS, this.#waitMs * 2)
  }
}
