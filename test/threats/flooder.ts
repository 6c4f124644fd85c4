/** A peer of its own process that sends messages as fast as it can: `flooder.ts ADDRESS COUNT`. */

import { randomBytes } from 'node:crypto'
import { nodeParts } from '../../protocol/host/node-parts.ts'
import { NOTES, threatNode } from './gossip-world.ts'
import { holdsWithin } from './measured.ts'

const [address = '', count = '0'] = process.argv.slice(2)
const node = await threatNode({
  listen: [],
  ...nodeParts(),
  gossip: { network: 'test', outboundBytesMax: 2 ** 40 },
})
node.gossip.subscribe(NOTES, { validate: () => 'ignore', receive: () => {} })
await node.dial(address, { signal: AbortSignal.timeout(20_000) })
await holdsWithin(20_000, () => node.gossip.subscribers(NOTES).length > 0)
process.stdout.write('begin\n')
let sent = 0
let called = 0
for (; sent < Number(count); sent++) {
  // Whoever is cut off comes back at once.
  if (node.peers().length === 0 && performance.now() - called > 200) {
    called = performance.now()
    await node.dial(address, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
  }
  await node.gossip.publish(NOTES, randomBytes(300)).catch(() => 0)
  if (sent % 200 === 199) await new Promise((resolve) => setImmediate(resolve))
}
process.stdout.write(`end ${sent}\n`)
await new Promise((resolve) => setTimeout(resolve, 1000))
process.exit(0)
