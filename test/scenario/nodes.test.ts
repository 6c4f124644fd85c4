import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { nodeAgentHost } from '../../gpu-node/entry/node/agent-host.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { ProcessNodeHub } from '../../worker/drivers/node-hub/process-node-hub.ts'
import { NodeGatekeeper } from '../../worker/infrastructure/nodes/node-gatekeeper.ts'
import { MemVault } from '../../worker/infrastructure/vault/mem-vault.ts'
import { type NodeWorld, runtime } from '../support/node-world.ts'
import { tempDir } from '../support/temp-dir.ts'
import { nodesSuite } from './nodes.suite.ts'

async function open(): Promise<NodeWorld> {
  const opened = await openLibsql('default', ':memory:')
  const hub = new ProcessNodeHub()
  const vault = new MemVault({ databases: new Map([['default', opened.database]]) })
  hub.admitThrough(new NodeGatekeeper({ vault, ed25519: portableEd25519, runtime }))
  const server = createServer()
  hub.listen(server, (request) => hub.connect(request))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const home = await tempDir()
  const { openSocket } = nodeAgentHost(join(home.path, 'node.key'))
  return {
    database: opened.database,
    hub,
    edge: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    openSocket,
    close: async () => {
      hub.close()
      server.close()
      await opened.close()
      await home.remove()
    },
  }
}

nodesSuite('Node', open)
