import { z } from 'zod'
import { NamespaceName } from './common.ts'
import { Content } from './cube.ts'
import { SEARCH_NAMESPACES_MAX } from './limits.ts'

const stamp = z.iso.datetime()

export const LogEntry = z
  .strictObject({
    at: stamp,
    requestId: z.string(),
    caller: z.string(),
    operation: z.string(),
    outcome: z.string(),
    namespace: z.string().nullable(),
    memoryType: z.string().nullable(),
    cubeCount: z.int().meta({
      description: 'Cubes concerned; to a key that is bound to a subject or to namespaces, those that it is shown.',
    }),
    cubeIds: z.array(z.string()),
    hash: z.string().nullable().meta({ description: 'Place in the hash chain; null until the next seal.' }),
  })
  .meta({ id: 'LogEntry', description: 'MemOS paper, section 5.3.2 (LogQuery API).' })
export type LogEntry = z.infer<typeof LogEntry>

export const UsageReport = z
  .strictObject({
    cubes: z.int().meta({ description: 'Cubes up to the clearance of the key.' }),
    bytes: z.int().meta({ description: 'Bytes of their texts.' }),
    cubesMax: z.int().nullable(),
    days: z.array(z.strictObject({ day: z.string(), reads: z.int(), writes: z.int(), searches: z.int() })),
  })
  .meta({ id: 'UsageReport' })

/** What a check of the audit log found. */
export const ChainReport = z
  .strictObject({
    ok: z.boolean(),
    checked: z.int().meta({ description: 'Sealed rows that were hashed anew.' }),
    unsealed: z.int().meta({ description: 'Rows since the last seal, at most a minute old; not covered yet.' }),
    head: z
      .strictObject({ rows: z.int(), hash: z.string(), sealedAt: stamp })
      .nullable()
      .meta({ description: 'Keep it elsewhere: who can rewrite the database can rewrite the whole chain.' }),
    fault: z
      .strictObject({
        kind: z.enum(['altered', 'unsealed_inside', 'missing']),
        at: stamp.nullable().meta({ description: 'Of the first entry that is wrong; null where entries are missing.' }),
        requestId: z.string().nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'ChainReport' })
export type ChainReport = z.infer<typeof ChainReport>

export const TraceRequest = z
  .strictObject({ text: Content, namespaces: z.array(NamespaceName).min(1).max(SEARCH_NAMESPACES_MAX).optional() })
  .meta({ id: 'TraceRequest', examples: [{ text: 'The ferry to the island left at dawn.' }] })

/** What tells where a text came from. */
export const TraceReport = z
  .strictObject({
    genuineMarks: z.int().meta({ description: 'Marks in the text that this deployment made for the organisation.' }),
    exports: z
      .array(LogEntry)
      .meta({ description: 'Exports whose mark the text carries, as far as the log still has them.' }),
    sources: z.array(z.strictObject({ cubeId: z.string(), share: z.number() })).meta({
      description: 'Readable cubes that hold the words of the text, and the share of it that each holds.',
    }),
  })
  .meta({ id: 'TraceReport' })
