import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { openNodeEdge } from '../support/edge-node.ts'
import { answerEmbeddings, MODEL_ENVIRONMENT } from '../support/model-server.ts'
import { embedding } from './embedding.suite.ts'

embedding(async () => {
  const model = createServer(getRequestListener(answerEmbeddings, { overrideGlobalObjects: false }))
  await new Promise<void>((resolve) => model.listen(0, '127.0.0.1', resolve))
  const { port } = model.address() as AddressInfo
  const edge = await openNodeEdge({ ...MODEL_ENVIRONMENT, MEMOS_EMBEDDER: `http://127.0.0.1:${port}/v1` })
  const close = async () => {
    await edge.close()
    model.closeAllConnections()
    model.close()
  }
  return { ...edge, close }
})
