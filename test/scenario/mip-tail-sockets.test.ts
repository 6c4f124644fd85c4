import { WebSocket } from 'ws'
import { openNodeEdge } from '../support/edge-node.ts'
import { type Connect, mipTailSockets, type TestSocket } from './mip-tail-sockets.suite.ts'

const connect: Connect = ({ url = '' }, path, listen) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`)
    socket.binaryType = 'arraybuffer'
    listen(socket as unknown as TestSocket)
    socket.on('open', () => resolve(socket as unknown as TestSocket))
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0))
    socket.on('error', reject)
  })

mipTailSockets('Node', () => openNodeEdge(), connect)
