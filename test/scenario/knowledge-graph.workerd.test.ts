/**
 * Goal: the Cloudflare host reads memories for entities through its own cron trigger and tasks.
 * Method: the Worker's scheduled handler, called by hand: nothing fires it in a test.
 */
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import worker from '../../worker/entry/cloudflare.ts'
import { openWorkerdEdge } from '../support/edge-workerd.ts'
import { knowledgeGraph } from './knowledge-graph.suite.ts'

knowledgeGraph(async () => ({
  ...(await openWorkerdEdge()),
  tick: async () => {
    const context = createExecutionContext()
    await worker.scheduled(createScheduledController(), env as never)
    await waitOnExecutionContext(context)
  },
}))
