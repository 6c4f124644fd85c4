import type { Context } from 'hono'
import { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { NODE_BLOB_PIECE_BYTES } from '../../../schemas/limits-nodes.ts'
import { NODE_BLOB_PATH, NODE_CONNECT_PATH } from '../../../schemas/node-message.ts'
import type { Edge } from '../edge.ts'
import type { EdgeApp, EdgeVariables } from '../http/bind-route.ts'
import { readBytes } from '../http/read-body.ts'

type Call = Context<{ Variables: EdgeVariables }>
interface Task {
  taskId: string
  orgId: string
  input: unknown
}

/** What GPU nodes call, with a key pair or a session in place of an API key: their socket, and the blobs of the tasks that they hold. */
export function addNodeDoors(app: EdgeApp, edge: Edge): void {
  app.get(NODE_CONNECT_PATH, (c) => {
    c.set('operation', 'connectNode')
    return servicesOf(edge).hub.connect(c.req.raw)
  })
  app.get(`${NODE_BLOB_PATH}:cid`, async (c) => {
    c.set('operation', 'nodeBlob')
    const { task, cid } = await taskOf(c, edge)
    const { blobs } = servicesOf(edge)
    // Hono answers HEAD by GET.
    if (c.req.method === 'HEAD') {
      const present = await blobs.present(task.orgId, cid)
      return new Response(null, { headers: { 'x-memos-bytes': String(present) } })
    }
    // Only what the task names: a session is no key to the other blobs of an organisation.
    if (!JSON.stringify(task.input).includes(`"${cid}"`)) throw new MemosError('not_found')
    const from = rangeStart(c.req.header('range'))
    const cubeIds = cubesOf(task.input)
    const slice = await blobs.slice({ orgId: task.orgId, cid, cubeIds }, from, NODE_BLOB_PIECE_BYTES)
    if (slice === null) throw new MemosError('not_found')
    const range = `bytes ${from}-${Math.max(from, from + slice.bytes.length - 1)}/${slice.size}`
    const headers = { 'content-type': 'application/octet-stream', 'content-range': range, 'cache-control': 'no-store' }
    return new Response(slice.bytes as Uint8Array<ArrayBuffer>, { status: 206, headers })
  })
  app.put(`${NODE_BLOB_PATH}:cid`, async (c) => {
    c.set('operation', 'putNodeBlob')
    const { task, cid } = await taskOf(c, edge)
    const [, from, to, size] =
      /^bytes (\d{1,12})-(\d{1,12})\/(\d{1,12})$/.exec(c.req.header('content-range') ?? '') ?? []
    const bytes = await readBytes(c.req.raw, NODE_BLOB_PIECE_BYTES)
    if (size === undefined || Number(to) - Number(from) + 1 !== bytes.length)
      throw new MemosError('invalid_request', { field: 'content-range', expected: 'bytes FROM-TO/SIZE' })
    const piece = { at: Number(from), size: Number(size), bytes }
    await servicesOf(edge).blobs.put({ taskId: task.taskId, orgId: task.orgId, cid }, piece)
    return new Response(null, { status: 204 })
  })
}

function servicesOf({ nodes }: Edge): NonNullable<Edge['nodes']> {
  if (nodes === null) throw new MemosError('not_found')
  return nodes
}

/** The task for which a node asks, which it must hold. @throws MemosError unauthenticated, not_found */
async function taskOf(c: Call, edge: Edge): Promise<{ task: Task; cid: Cid }> {
  const secret = /^Node ([0-9a-f]{64})$/.exec(c.req.header('authorization') ?? '')?.[1]
  const session = secret === undefined ? null : await servicesOf(edge).hub.session(secret)
  if (session === null) throw new MemosError('unauthenticated')
  const task = session.tasks.find(({ taskId }) => taskId === c.req.header('x-memos-node-task'))
  const cid = Cid.safeParse(c.req.param('cid'))
  if (task === undefined || !cid.success) throw new MemosError('not_found')
  return { task, cid: cid.data }
}

/** Cubes that a task names: their blobs lie under their ids. */
function cubesOf(input: unknown): string[] {
  const { memory, conversation } = input as { memory?: { cubeId: string }[]; conversation?: { id: string } }
  // The cache of a conversation lies with the cube of its last turn, by which the task calls the conversation.
  return [...(memory?.map(({ cubeId }) => cubeId) ?? []), ...(conversation === undefined ? [] : [conversation.id])]
}

const rangeStart = (range: string | undefined): number => Number(/^bytes=(\d{1,12})-/.exec(range ?? '')?.[1] ?? 0)
