/** The same bytes; `report` hears after each part how many have passed. */
export function counted(
  stream: ReadableStream<Uint8Array>,
  report: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  let bytes = 0
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(part, controller) {
      bytes += part.length
      report(bytes)
      controller.enqueue(part)
    },
  })
  return stream.pipeThrough(count)
}
