import { and, eq, sql } from 'drizzle-orm'
import { isoOf } from '../../../schemas/common.ts'
import { auditLog, idempotency, tasks, usage } from '../../../schemas/tables/log.ts'
import { namespaces } from '../../../schemas/tables/tenancy.ts'
import type { Statement } from '../../ports/database.ts'
import type { CoreWrite, VaultWrite } from '../../ports/vault-write.ts'
import { blocksStatements } from '../blocks/blocks-statements.ts'
import { governanceStatements } from '../governance/governance-statements.ts'
import { knowledgeStatements } from '../knowledge/knowledge-statements.ts'
import { lifecycleStatements } from '../lifecycle/lifecycle-statements.ts'
import { mipStatements } from '../mip/mip-statements.ts'
import { nodeStatements } from '../nodes/node-statements.ts'
import { pipelinesStatements } from '../pipelines/pipelines-statements.ts'
import { readerStatements } from '../reader/reader-statements.ts'
import { renditionStatements } from '../renditions/rendition-statements.ts'
import { scheduleStatements } from '../schedule/schedule-statements.ts'
import { timeMachineStatements } from '../time-machine/time-machine-statements.ts'
import { insertCubes, updateCube } from './cube-statements.ts'
import { eraseCubes, eraseNamespace } from './erase-statements.ts'
import { builder, guard, statement, statementOf } from './sql.ts'
import { activateSpace, advanceSpace, dropSpace, putEmbeddings } from './vector-statements.ts'

/** One function for each kind of decision. */
export type StatementsFor<W extends { kind: string }> = {
  [K in W['kind']]: (orgId: string, write: Extract<W, { kind: K }>) => Statement[]
}
type AreaWrite = Exclude<VaultWrite, CoreWrite>

const AREAS: StatementsFor<AreaWrite> = {
  ...lifecycleStatements,
  ...timeMachineStatements,
  ...knowledgeStatements,
  ...scheduleStatements,
  ...governanceStatements,
  ...pipelinesStatements,
  ...readerStatements,
  ...renditionStatements,
  ...blocksStatements,
  ...mipStatements,
  ...nodeStatements,
}

const isOfArea = (write: VaultWrite): write is AreaWrite => Object.hasOwn(AREAS, write.kind)

/** Statements of one decision, in the order in which they must run. */
export function statementsOf(orgId: string, write: VaultWrite): Statement[] {
  if (!isOfArea(write)) return coreStatements(orgId, write as CoreWrite)
  // The table above has exactly the function that fits the kind; TypeScript does not follow a kind through a table.
  const statements = AREAS as Record<string, (orgId: string, write: VaultWrite) => Statement[]>
  return statements[(write as VaultWrite).kind]?.(orgId, write) ?? []
}

function coreStatements(orgId: string, write: CoreWrite): Statement[] {
  switch (write.kind) {
    case 'insert_cubes':
      return [
        ...insertCubes(write.namespaceId, write.cubes),
        ...addTotals(orgId, write.cubes.length, sumBytes(write.cubes.map((c) => c.record))),
      ]
    case 'update_cube':
      return [
        ...updateCube(write.stored, write.cube, write.textChanged),
        ...addTotals(orgId, 0, write.cube.record.contentBytes - write.stored.contentBytes),
      ]
    case 'delete_cubes':
      return [
        ...eraseCubes(write.cubes, write.atMs, write.reason),
        ...addTotals(orgId, -write.cubes.length, -sumBytes(write.cubes)),
      ]
    case 'put_embeddings':
      return putEmbeddings(write)
    case 'advance_space':
      return advanceSpace(write)
    case 'activate_space':
      return activateSpace(write.namespaceId, write.model)
    case 'drop_space':
      return dropSpace(write.namespaceId, write.model)
    case 'insert_namespace':
      return [statementOf(builder.insert(namespaces).values(write.namespace))]
    case 'set_namespace_settings':
      return [
        guard(sql`select settings = ${JSON.stringify(write.before)} from namespaces where id = ${write.namespaceId}`),
        statementOf(
          builder
            .update(namespaces)
            .set({ settings: write.settings, lifecycleDueMs: 0 })
            .where(eq(namespaces.id, write.namespaceId)),
        ),
      ]
    case 'delete_namespace':
      return [...subtractNamespace(orgId, write.namespaceId), ...eraseNamespace(write.namespaceId)]
    case 'expect_quota':
      return [
        guard(
          sql`select coalesce((select value from usage where org_id = ${orgId} and period = 'total' and metric = 'cubes'), 0) + ${write.cubes} <= ${write.cubesMax}`,
        ),
      ]
    case 'insert_task':
      return [statementOf(builder.insert(tasks).values(write.task))]
    case 'set_task':
      return setTask(orgId, write)
    case 'finish_idempotency':
      return [
        statementOf(
          builder
            .update(idempotency)
            .set({ status: write.status, response: write.response })
            .where(and(eq(idempotency.orgId, orgId), eq(idempotency.key, write.key))),
        ),
      ]
    case 'audit':
      return [
        statementOf(builder.insert(auditLog).values({ orgId, ...write.entry })),
        ...addUsage([{ orgId, period: isoOf(write.entry.atMs).slice(0, 10), metric: 'writes', value: 1 }]),
      ]
  }
}

function setTask(
  orgId: string,
  { taskId, expectedState, atMs, kind: _, ...changes }: Extract<VaultWrite, { kind: 'set_task' }>,
): Statement[] {
  return [
    guard(sql`select state = ${expectedState} from tasks where id = ${taskId} and org_id = ${orgId}`),
    statementOf(
      builder
        .update(tasks)
        .set({ ...changes, updatedAtMs: atMs })
        .where(eq(tasks.id, taskId)),
    ),
  ]
}

const sumBytes = (rows: readonly { contentBytes: number }[]) => rows.reduce((sum, row) => sum + row.contentBytes, 0)

const addTotals = (orgId: string, cubes: number, bytes: number): Statement[] =>
  addUsage([
    { orgId, period: 'total', metric: 'cubes', value: cubes },
    { orgId, period: 'total', metric: 'bytes', value: bytes },
  ])

function addUsage(added: readonly (typeof usage.$inferInsert)[]): Statement[] {
  const rows = added.filter((row) => row.value !== 0)
  if (rows.length === 0) return []
  return [
    statementOf(
      builder
        .insert(usage)
        .values(rows)
        .onConflictDoUpdate({
          target: [usage.orgId, usage.period, usage.metric],
          set: { value: sql`${usage.value} + excluded.value` },
        }),
    ),
  ]
}

const subtractNamespace = (orgId: string, namespaceId: number): Statement[] =>
  (['cubes', 'bytes'] as const).map((metric) =>
    statement(sql`update usage set value = value - (select coalesce(${metric === 'cubes' ? sql`count(*)` : sql`sum(content_bytes)`}, 0) from cubes where namespace_id = ${namespaceId})
      where org_id = ${orgId} and period = 'total' and metric = ${metric}`),
  )
