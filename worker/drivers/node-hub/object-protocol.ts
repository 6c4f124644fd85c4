import type { LeasedTask } from '../../ports/node-hub.ts'

/** Host by which a node called the edge, for the object that takes its socket. */
export const HUB_HOST_HEADER = 'x-memos-node-host'

/** A task for a node, as the object is asked for it. */
export interface RunRequest {
  nodeId: string
  task: LeasedTask
}
