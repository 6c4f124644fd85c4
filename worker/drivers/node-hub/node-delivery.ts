import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { NODE_EVENTS_WAITING_MAX, NODE_LEASE_MS } from '../../../schemas/limits-nodes.ts'
import type { NodeErrorCode } from '../../../schemas/node-error.ts'
import type { NodeMessage } from '../../../schemas/node-message.ts'
import { NODE_TASKS } from '../../../schemas/node-task.ts'
import type { LeasedTask, NodeEvent } from '../../ports/node-hub.ts'
import { EventQueue } from './event-queue.ts'

export type TaskMessage = Extract<NodeMessage, { taskId: string }>

/**
 * One delivery of a task to one node: what the node says of it becomes events. Ends once; whatever comes later counts for nothing. A node that
 * skips a piece of text, or whose output is not what its digest or its kind says, has failed with result_mismatch.
 */
export class NodeDelivery {
  readonly lease: string
  readonly task: LeasedTask
  readonly events = new EventQueue<NodeEvent>(NODE_EVENTS_WAITING_MAX)
  leaseUntilMs: number
  isEnded = false
  #isAccepted = false
  #pieces = 0

  constructor(lease: string, task: LeasedTask) {
    this.lease = lease
    this.task = task
    this.leaseUntilMs = task.leaseUntilMs
  }

  /** Takes what the node says. False where the node should stop: the delivery has failed, and not because the node said so. */
  take(message: TaskMessage, nowMs: number): boolean {
    if (this.isEnded) return true
    if (nowMs >= this.leaseUntilMs) return this.fail('node_lost', 'the lease has ended')
    this.leaseUntilMs = Math.max(this.leaseUntilMs, nowMs + NODE_LEASE_MS)
    switch (message.type) {
      case 'accepted':
        if (this.#isAccepted) return true
        this.#isAccepted = true
        return this.#tell({ kind: 'accepted' })
      case 'progress':
        return this.#tell({ kind: 'progress', done: message.done, total: message.total })
      case 'token':
        return this.#token(message.seq, message.text)
      case 'done':
        return this.#done(message)
      case 'failed':
        this.fail(message.code, message.detail)
        return true
    }
  }

  /** Ends it as failed, unless it has ended. Answers false. */
  fail(code: NodeErrorCode, detail: string): false {
    this.#end({ kind: 'failed', code, detail })
    return false
  }

  #token(seq: number, text: string): boolean {
    // Delivered twice.
    if (seq < this.#pieces) return true
    if (seq > this.#pieces) return this.fail('result_mismatch', 'a piece of the text is missing')
    this.#pieces += 1
    return this.#tell({ kind: 'token', text })
  }

  #done({ output, sha256: digest, tokens }: Extract<TaskMessage, { type: 'done' }>): boolean {
    if (tokens !== this.#pieces) return this.fail('result_mismatch', 'a piece of the text is missing')
    if (bytesToHex(sha256(utf8ToBytes(output))) !== digest)
      return this.fail('result_mismatch', 'the output does not have the digest that the node gives')
    const read = NODE_TASKS[this.task.kind].output.safeParse(parsed(output))
    if (!read.success) return this.fail('result_mismatch', `the output is not one of ${this.task.kind}`)
    this.#end({ kind: 'done', output: read.data })
    return true
  }

  #tell(event: NodeEvent): boolean {
    return this.events.put(event) || this.fail('timeout', 'whoever asked reads too slowly')
  }

  #end(event: NodeEvent): void {
    if (this.isEnded) return
    this.isEnded = true
    this.events.end(event)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: no shape fits.
    return undefined
  }
}
