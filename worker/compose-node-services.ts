import { NODE_TASKS_PER_LOOK_MAX } from '../schemas/limits-nodes.ts'
import type { Metrics } from './infrastructure/log/metrics.ts'
import type { NodeBlobs } from './infrastructure/nodes/node-blobs.ts'
import { NodeDirectory } from './infrastructure/nodes/node-directory.ts'
import {
  NodeTaskRows,
  openNodeTasks,
  purgeNodeTasks,
  queuedNodeTasks,
  reclaimNodeTasks,
} from './infrastructure/nodes/node-task-rows.ts'
import type { UpkeepStep } from './infrastructure/tasks/upkeep.ts'
import type { MemVault, OrgVault } from './infrastructure/vault/mem-vault.ts'
import type { NodeServices } from './interface/nodes/node-services.ts'
import { NodeTaskDesk } from './operation/nodes/node-task-desk.ts'
import type { Database } from './ports/database.ts'
import type { Logger } from './ports/logger.ts'
import type { NodeHub } from './ports/node-hub.ts'
import type { Runtime } from './ports/runtime.ts'

/** One look for tasks ends with the tasks that it has given; this bounds it on a host that bounds how long work may take. */
const LOOK_MS_MAX = 25_000

/** What a host brings where GPU nodes may connect. */
export interface NodeParts {
  hub: NodeHub
  blobs: NodeBlobs
}

export interface NodeServicesInit {
  /** Absent: no node may connect. */
  nodes: NodeParts | undefined
  databases: ReadonlyMap<string, Database>
  vault: MemVault
  runtime: Runtime
  logger: Logger
  metrics: Metrics
}

/** Nodes, their join tokens and their durable tasks, and the upkeep of them. */
export function composeNodeServices(init: NodeServicesInit): { services: NodeServices | null; upkeep: UpkeepStep[] } {
  const { nodes, databases, vault, runtime, logger, metrics } = init
  if (nodes === undefined) return { services: null, upkeep: [] }
  const { hub, blobs } = nodes
  const byKey = (place: OrgVault, key: string) => new NodeTaskRows(place).byKey(key)
  const desk = new NodeTaskDesk({ vault, hub, runtime, logger, byKey })
  const open = { queued: 0, leased: 0 }
  metrics.gauge(
    'memos_node_tasks_queued',
    'Durable tasks that wait for a GPU node, at the last look.',
    () => open.queued,
  )
  metrics.gauge('memos_node_tasks_leased', 'Durable tasks that a GPU node has, at the last look.', () => open.leased)
  const look = async () => {
    const sums = { queued: 0, leased: 0 }
    for (const database of databases.values()) {
      await reclaimNodeTasks(database, runtime.nowMs())
      const waiting = await queuedNodeTasks(database, NODE_TASKS_PER_LOOK_MAX)
      const { queued, leased } = await openNodeTasks(database)
      sums.queued += queued
      sums.leased += leased
      if (waiting.length > 0) await desk.run(waiting, AbortSignal.timeout(LOOK_MS_MAX))
      await purgeNodeTasks(database, runtime.nowMs())
    }
    Object.assign(open, sums)
    await blobs.purge()
  }
  const services: NodeServices = {
    hub,
    blobs,
    desk,
    directory: new NodeDirectory({ vault, runtime }),
    tasks: async (orgId, nowMs) => new NodeTaskRows(await vault.of(orgId, nowMs)),
  }
  return { services, upkeep: [{ name: 'node-tasks', run: look }] }
}
