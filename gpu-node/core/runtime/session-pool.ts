import type { InferenceSession } from 'onnxruntime-common'
import { NodeError, runtimeError } from '../node-error.ts'
import type { OnnxRuntime, OpenOptions } from './onnx-runtime.ts'

/** How a session comes into being, again and again if it has to make room in between. */
export interface SessionPlan extends OpenOptions {
  key: string
  /** What it takes while it is open. */
  bytes: number
  /** The ONNX file. */
  model(): Promise<Uint8Array>
  /** Looks whether the session computes what it should, once after it was opened; throws if not. */
  check(session: InferenceSession): Promise<void>
}

interface Opened {
  session: Promise<InferenceSession>
  bytes: number
  users: number
  /** Called when the last user is done. */
  whenIdle: () => void
}

/** Open sessions of one runtime within a number of bytes. The least recently used one that is idle makes room. */
export class SessionPool {
  readonly #runtime: OnnxRuntime
  readonly #bytesMax: number
  /** In order of use, the latest last. */
  readonly #opened = new Map<string, Opened>()

  constructor(runtime: OnnxRuntime, bytesMax: number) {
    this.#runtime = runtime
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return [...this.#opened.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /**
   * Does work with the session of the plan, which stays open meanwhile.
   * @throws NodeError `out_of_memory` if there is no room beside the sessions in use, and what opening and checking throw
   */
  async use<T>(plan: SessionPlan, work: (session: InferenceSession) => Promise<T>): Promise<T> {
    const opened = this.#opened.get(plan.key) ?? this.#open(plan)
    this.#opened.delete(plan.key)
    this.#opened.set(plan.key, opened)
    opened.users += 1
    try {
      return await work(await opened.session)
    } finally {
      opened.users -= 1
      if (opened.users === 0) opened.whenIdle()
    }
  }

  /** Closes a session once its users are done; who asks meanwhile gets a new one. */
  async close(key: string): Promise<void> {
    const opened = this.#opened.get(key)
    if (!opened) return
    this.#opened.delete(key)
    if (opened.users > 0)
      await new Promise<void>((resolve) => {
        opened.whenIdle = resolve
      })
    const session = await opened.session.catch(() => null)
    await session?.release()
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#opened.keys()].map((key) => this.close(key)))
  }

  #open(plan: SessionPlan): Opened {
    const closed = this.#makeRoom(plan)
    const session = closed.then(() => this.#checked(plan))
    const opened = { session, bytes: plan.bytes, users: 0, whenIdle: () => {} }
    // A session that did not open must not stand in the way of the next attempt.
    session.catch(() => this.#opened.get(plan.key) === opened && this.#opened.delete(plan.key))
    return opened
  }

  async #checked(plan: SessionPlan): Promise<InferenceSession> {
    let session: InferenceSession | undefined
    try {
      session = await this.#runtime.open(await plan.model(), plan)
      await plan.check(session)
      return session
    } catch (error) {
      await session?.release()
      throw runtimeError(error, `opening a session of ${plan.key}`)
    }
  }

  /** Takes its room at once, so that two that open at a time cannot both have it. @throws NodeError `out_of_memory` */
  #makeRoom({ key, bytes }: SessionPlan): Promise<unknown> {
    const idle = [...this.#opened].filter(([, opened]) => opened.users === 0)
    const leaving: string[] = []
    let free = this.#bytesMax - this.bytes
    for (const [other, opened] of idle) {
      if (free >= bytes) break
      leaving.push(other)
      free += opened.bytes
    }
    if (free < bytes)
      throw new NodeError(
        'out_of_memory',
        `model ${key} takes ${bytes} bytes, and ${free} of ${this.#bytesMax} are free`,
      )
    return Promise.all(leaving.map((other) => this.close(other)))
  }
}
