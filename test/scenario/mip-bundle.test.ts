import { describe, expect, it } from 'vitest'
import { buildWorker, evaluatedAtStart } from '../support/worker-bundle.ts'

const ADDED_KIB_MAX = 210
const PEER_PACKAGES = /node_modules\/(@libp2p|libp2p|@multiformats\/multiaddr)/
/** Packages of Node's own sockets, which a Worker has no use for. */
const NODE_PACKAGES = /node_modules\/(@libp2p\/(tcp|websockets|mdns|kad-dht|bootstrap|circuit-relay-v2)|ws)\//

describe('the bundle of the Worker', () => {
  it('evaluates nothing of libp2p until a peer calls, and holds nothing of the sockets of Node', async () => {
    const { metafile } = await buildWorker({ minify: true, peer: true })
    const all = Object.keys(metafile.inputs)
    const atStart = [...evaluatedAtStart(metafile)]
    expect(all.filter((path) => PEER_PACKAGES.test(path)).length).toBeGreaterThan(100)
    expect(atStart.filter((path) => PEER_PACKAGES.test(path))).toEqual([])
    expect(atStart.length).toBeGreaterThan(500)
    expect(all.filter((path) => NODE_PACKAGES.test(path))).toEqual([])
  }, 120_000)

  it(`grows by at most ${ADDED_KIB_MAX} KiB, compressed, for being a peer`, async () => {
    const [whole, without] = [
      await buildWorker({ minify: true, peer: true }),
      await buildWorker({ minify: true, peer: false }),
    ]
    expect((whole.gzipBytes - without.gzipBytes) / 1024).toBeLessThanOrEqual(ADDED_KIB_MAX)
  }, 120_000)
})
