import type { NodeBlobs } from '../../infrastructure/nodes/node-blobs.ts'
import type { NodeDirectory } from '../../infrastructure/nodes/node-directory.ts'
import type { NodeTaskRows } from '../../infrastructure/nodes/node-task-rows.ts'
import type { NodeTaskDesk } from '../../operation/nodes/node-task-desk.ts'
import type { NodeHub } from '../../ports/node-hub.ts'

/** What routes may call where GPU nodes may connect. */
export interface NodeServices {
  hub: NodeHub
  blobs: NodeBlobs
  desk: NodeTaskDesk
  directory: NodeDirectory
  tasks(orgId: string, nowMs: number): Promise<NodeTaskRows>
}
