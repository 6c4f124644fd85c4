import { KV_PER_TICK_MAX, NODE_LOOK_MS, NODE_QUEUE_MAX } from '../schemas/limits-nodes.ts'
import type { NodeParts } from './compose-node-services.ts'
import { systemContext } from './infrastructure/governance/system-context.ts'
import { endLostNodeTasks } from './infrastructure/nodes/lost-node-tasks.ts'
import { namespacesWithIdleRenditions } from './infrastructure/renditions/rendition-reader.ts'
import type { UpkeepStep } from './infrastructure/tasks/upkeep.ts'
import type { MemVault } from './infrastructure/vault/mem-vault.ts'
import { removeUnnamed } from './infrastructure/vault/named-blobs.ts'
import type { VaultSessions } from './infrastructure/vault/vault-session.ts'
import { ChatDesk } from './operation/chat/chat-desk.ts'
import type { EmbeddingBuilder } from './operation/embed/embedding-builder.ts'
import { NodeDispatcher } from './operation/nodes/node-dispatcher.ts'
import { NodeSlots } from './operation/nodes/node-slots.ts'
import type { MemoryWriter } from './operation/organise/memory-writer.ts'
import { DEMOTE_TASK, PROMOTE_TASK, Promotion } from './operation/renditions/promotion.ts'
import { RenditionShelf } from './operation/renditions/rendition-shelf.ts'
import type { MemOperator } from './operation/search/mem-operator.ts'
import type { BlobStore } from './ports/blob-store.ts'
import type { Database } from './ports/database.ts'
import type { Logger } from './ports/logger.ts'
import type { Runtime } from './ports/runtime.ts'
import type { TaskHandler } from './ports/tasks.ts'

export interface NodesInit {
  /** Absent: no node may connect. */
  nodes?: NodeParts
  databases: ReadonlyMap<string, Database>
  blobs: BlobStore
  runtime: Runtime
  logger: Logger
  vault: MemVault
  sessions: VaultSessions
  operator: MemOperator
  writer: MemoryWriter
  embeddings: EmbeddingBuilder
}

interface ComposedNodes {
  edge: { dispatcher: NodeDispatcher | null; chat: ChatDesk | null }
  handlers: [string, TaskHandler][]
  upkeep: UpkeepStep[]
}

/** Everything that needs GPU nodes: who gives them tasks, the chat, and the tasks that change types of memory. */
export function composeNodes(init: NodesInit): ComposedNodes {
  const { nodes, databases, blobs, runtime, logger, vault, sessions, operator, writer, embeddings } = init
  if (nodes === undefined) return { edge: { dispatcher: null, chat: null }, handlers: [], upkeep: [] }
  const slots = new NodeSlots({ queueMax: NODE_QUEUE_MAX, lookMs: NODE_LOOK_MS })
  const dispatcher = new NodeDispatcher({ hub: nodes.hub, slots, vault, runtime, logger })
  const shelf = new RenditionShelf({
    blobs,
    nodeBlobs: nodes.blobs,
    removeUnnamed: ({ vault: { database, organisation } }, byCube) =>
      removeUnnamed({ database, blobs, orgId: organisation.id }, byCube),
  })
  const promotion = new Promotion({ dispatcher, shelf, sessions, systemContext, runtime })
  const handlers: [string, TaskHandler][] = [
    [PROMOTE_TASK, (task, progress) => promotion.promote(task, progress)],
    [DEMOTE_TASK, (task, progress) => promotion.demote(task, progress)],
  ]
  /** One minute's upkeep of a database: what died in mid-task is ended, and what is used too little loses its cache. */
  const tidy = async (database: Database): Promise<void> => {
    const nowMs = runtime.nowMs()
    await endLostNodeTasks(database, nowMs)
    const idle = await namespacesWithIdleRenditions(database, nowMs, KV_PER_TICK_MAX)
    for (const { orgId, name } of idle) {
      const context = systemContext(orgId, 'demoteCaches', nowMs, new AbortController().signal)
      const session = await sessions(context, 'write')
      const namespace = await session.namespaces.byName(name, 'write')
      if (namespace !== null) await shelf.demote(session, namespace, context)
    }
  }
  const run = async () => {
    for (const database of databases.values()) await tidy(database)
  }
  const chat = new ChatDesk({ dispatcher, shelf, runtime, logger, operator, writer, embeddings })
  return { edge: { dispatcher, chat }, handlers, upkeep: [{ name: 'nodes', run }] }
}
