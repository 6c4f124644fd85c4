const utf8 = new TextEncoder()

/**
 * Server-sent events (HTML standard, section 9.2) whose data are JSON values, one event a value, and `[DONE]` at the end. `failed` turns an error
 * into a last value, since the status has gone out by then. When the reader goes away, `events` is left, which ends whatever feeds it.
 */
export function eventStream(events: AsyncIterable<unknown>, failed: (error: unknown) => unknown): ReadableStream {
  const iterator = events[Symbol.asyncIterator]()
  let isOver = false
  return new ReadableStream({
    async pull(controller) {
      if (isOver) return
      try {
        const { done, value } = await iterator.next()
        if (done !== true) return controller.enqueue(dataOf(JSON.stringify(value)))
        controller.enqueue(dataOf('[DONE]'))
      } catch (error) {
        controller.enqueue(dataOf(JSON.stringify(failed(error))))
      }
      isOver = true
      controller.close()
    },
    async cancel() {
      isOver = true
      await iterator.return?.()
    },
  })
}

const dataOf = (data: string): Uint8Array => utf8.encode(`data: ${data}\n\n`)
