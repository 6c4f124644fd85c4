import type { LeasedTask, NodeEvent } from '../../ports/node-hub.ts'
import type { NodeSwitchboard } from './node-switchboard.ts'

/** A task on a node as the events of it. Leaving the loop, or the signal, cancels at the node. */
export async function* deliveredEvents(
  board: NodeSwitchboard,
  nodeId: string,
  task: LeasedTask,
  signal: AbortSignal,
): AsyncGenerator<NodeEvent, void> {
  if (signal.aborted) return yield { kind: 'failed', code: 'cancelled', detail: 'nobody waits for it' }
  const delivery = board.give(nodeId, task)
  if (delivery === null) return yield { kind: 'failed', code: 'node_lost', detail: 'the node is not connected' }
  const cancel = () => board.cancel(delivery)
  signal.addEventListener('abort', cancel, { once: true })
  try {
    yield* delivery.events
  } finally {
    signal.removeEventListener('abort', cancel)
    cancel()
  }
}
