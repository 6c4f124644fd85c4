import { z } from 'zod'
import { Name } from './common.ts'
import { Did } from './did.ts'
import { NODE_ORGANISATIONS_MAX, NODE_TOKEN_MS_DEFAULT, NODE_TOKEN_MS_MAX } from './limits-nodes.ts'
import { NODE_ERROR_CODES } from './node-error.ts'
import { NodeTaskKind, NodeTaskState } from './node-task.ts'

const Moment = z.iso.datetime()

/** A GPU node that may serve the organisation. */
export const Node = z
  .strictObject({
    id: Name,
    name: Name,
    publicKey: Did,
    state: z.enum(['connected', 'away', 'revoked']),
    runtime: z.string().nullable().describe('Null while it is not connected, as what follows.'),
    provider: z.string().nullable(),
    models: z.array(z.strictObject({ name: Name, fingerprint: z.string() })),
    running: z.int().nonnegative(),
    concurrency: z.int().nonnegative(),
    createdAt: Moment,
    lastSeenAt: Moment,
  })
  .meta({ id: 'Node' })

export const CreateNodeToken = z
  .strictObject({
    name: Name.describe('Name of the node, unless it brings one of its own.'),
    organisations: z
      .array(Name)
      .min(1)
      .max(NODE_ORGANISATIONS_MAX)
      .optional()
      .describe('Organisations that the node serves (root key only); default: that of the key.'),
    lifeMs: z.int().min(1000).max(NODE_TOKEN_MS_MAX).default(NODE_TOKEN_MS_DEFAULT),
  })
  .meta({ id: 'CreateNodeToken' })

export const NewNodeToken = z
  .strictObject({
    id: Name,
    name: Name,
    organisations: z.array(Name),
    token: z.string().describe('Shown once; lets one node join once.'),
    expiresAt: Moment,
  })
  .meta({ id: 'NewNodeToken' })

/** A durable task without its input and result, which hold memory. */
export const NodeTask = z
  .strictObject({
    id: Name,
    kind: NodeTaskKind,
    model: z.string(),
    priority: z.int(),
    state: NodeTaskState,
    nodeId: Name.nullable(),
    attempts: z.int().nonnegative(),
    error: z.enum(NODE_ERROR_CODES).nullable(),
    createdAt: Moment,
    updatedAt: Moment,
  })
  .meta({ id: 'NodeTask' })
