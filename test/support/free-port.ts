import { createServer } from 'node:net'

/** A TCP port that nothing listens on at this moment (127.0.0.1). */
export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const server = createServer()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (address === null || typeof address === 'string') return reject(new Error('the probe socket has no TCP address'))
    server.close(() => resolve(address.port))
  })
  return promise
}
