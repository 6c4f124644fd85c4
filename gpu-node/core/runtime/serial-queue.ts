import type { InferenceSession } from 'onnxruntime-common'

/** Lets one piece of work run at a time, in the order of asking. A failure is its caller's alone. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

/** The session with all that touches the device in the queue's order. */
export function queuedSession(session: InferenceSession, queue: SerialQueue): InferenceSession {
  const run = (feeds: InferenceSession.FeedsType, ...rest: unknown[]) =>
    queue.run(() => session.run(feeds, ...(rest as [InferenceSession.FetchesType])))
  return {
    run,
    release: () => queue.run(() => session.release()),
    startProfiling: () => session.startProfiling(),
    endProfiling: () => session.endProfiling(),
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    inputMetadata: session.inputMetadata,
    outputMetadata: session.outputMetadata,
  }
}
