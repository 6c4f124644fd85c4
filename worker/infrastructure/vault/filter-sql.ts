import { type SQL, sql } from 'drizzle-orm'
import { Moment, momentMs } from '../../../schemas/common.ts'
import { entityKey } from '../../../schemas/entity-key.ts'
import { MemosError } from '../../../schemas/errors.ts'
import {
  FILTER_FIELDS,
  type Filter,
  type FilterCondition,
  type FilterField,
  type FilterOperator,
} from '../../../schemas/filter.ts'
import type { SearchScope } from '../../ports/lexical.ts'
import type { View } from '../../ports/time-machine.ts'
import { viewSql } from '../time-machine/view-sql.ts'
import { inJson, toJson } from './sql.ts'

type Scalar = string | number | boolean

/** Something of the row that says where a foreign cube came from; null for those of our own. */
function ingested(column: SQL): SQL {
  return sql`(select ${column} from mip_ingested i where i.namespace_id = c.namespace_id and i.cube_id = c.cube_id)`
}

/** Columns of `cubes c` behind the names that filters use. */
type FilterColumns = Record<Exclude<FilterField, 'entity'>, SQL>
const COLUMNS: FilterColumns = {
  cubeId: sql`c.cube_id`,
  memoryType: sql`c.memory_type`,
  semanticType: sql`c.semantic_type`,
  state: sql`c.state`,
  speaker: sql`c.speaker`,
  role: sql`c.role`,
  session: sql`(select s.key from sessions s where s.id = c.session_id)`,
  priority: sql`c.priority`,
  sensitivity: sql`c.sensitivity`,
  originKind: sql`c.origin_kind`,
  originRef: sql`c.origin_ref`,
  'origin.did': ingested(sql`i.did`),
  'origin.cube': ingested(sql`i.cube`),
  'origin.trust': ingested(
    sql`coalesce((select p.tier from mip_peers p where p.org_id = i.org_id and p.did = i.did), 'unknown')`,
  ),
  // Only what a subscription has written counts: the same key in the metadata of other cubes is their caller's.
  'origin.licence': ingested(sql`c.metadata ->> '$.originLicence'`),
  title: sql`c.title`,
  tags: sql`c.tags`,
  saidAt: sql`c.said_at_ms`,
  createdAt: sql`c.created_at_ms`,
  updatedAt: sql`c.updated_at_ms`,
  expiresAt: sql`c.expires_at_ms`,
  validFrom: sql`c.valid_from_ms`,
  validTo: sql`c.valid_to_ms`,
  accessCount: sql`c.access_count`,
  revision: sql`c.revision`,
}

const COMPARE: Partial<Record<FilterOperator, string>> = { eq: '=', ne: '!=', gt: '>', gte: '>=', lt: '<', lte: '<=' }

/**
 * The condition over `cubes c` that a filter means. A field without a value never matches a comparison; `not` matches what its inner filter
 * does not, absent values included.
 * @throws MemosError invalid_request naming the condition
 */
export function filterSql(filter: Filter, columns: FilterColumns = COLUMNS): SQL {
  const inner = (one: Filter) => filterSql(one, columns)
  if ('and' in filter) return sql`(${sql.join(filter.and.map(inner), sql` and `)})`
  if ('or' in filter) return sql`(${sql.join(filter.or.map(inner), sql` or `)})`
  if ('not' in filter) return sql`(not coalesce(${inner(filter.not)}, 0))`
  return conditionSql(filter, columns)
}

/** Cubes that do not say when they hold always do. */
function validitySql(validity: SearchScope['validity']): SQL {
  if (validity === undefined) return sql`1`
  const { endsAfterMs, beginsByMs } = validity
  const isOpen = sql`(c.valid_to_ms is null or c.valid_to_ms > ${endsAfterMs})`
  return beginsByMs === null ? isOpen : sql`${isOpen} and (c.valid_from_ms is null or c.valid_from_ms <= ${beginsByMs})`
}

/** The condition over `cubes c` of what a search looks at. */
export function scopeSql({ filter, includeArchived, view, validity }: SearchScope): SQL {
  if (view !== undefined) return viewScopeSql(view, { filter, includeArchived, validity })
  return sql`${validitySql(validity)} and ${includeArchived ? sql`1` : sql`c.state != 'archived'`} and ${filter === null ? sql`1` : filterSql(filter)}`
}

/** The same at another point than now, for cubes whose current revision is the one of then. */
function viewScopeSql(view: View, { filter, includeArchived, validity }: SearchScope): SQL {
  const { inView, isHead, state } = viewSql(view)
  const matches = filter === null ? sql`1` : filterSql(filter, { ...COLUMNS, state })
  return sql`${inView} and ${isHead} and ${validitySql(validity)} and ${includeArchived ? sql`1` : sql`${state} != 'archived'`} and ${matches}`
}

function conditionSql(condition: FilterCondition, columns: FilterColumns): SQL {
  const { field, op, value } = condition
  if (field === 'tags') return listSql(condition, anyTag, sql`(json_array_length(c.tags) > 0)`)
  if (field === 'entity') return listSql(condition, anyEntity, ANY_MENTION)
  const key = field.startsWith('metadata.') ? field.slice('metadata.'.length) : null
  const column = key === null ? columns[field as keyof FilterColumns] : metadataColumn(key)
  if (op === 'exists') return value === false ? sql`(${column} is null)` : sql`(${column} is not null)`
  if (op === 'in' || op === 'nin') {
    if (!Array.isArray(value)) throw unfit(condition, 'a list of values')
    const values = value.map((one) => operand(condition, one))
    return op === 'in' ? sql`(${column} in ${inJson(values)})` : sql`(coalesce(${column} not in ${inJson(values)}, 1))`
  }
  if (value === undefined || Array.isArray(value)) throw unfit(condition, 'one value')
  if (op === 'contains') {
    if (typeof value !== 'string') throw unfit(condition, 'text')
    return sql`(instr(lower(${column}), lower(${value})) > 0)`
  }
  if (op === 'ne') return sql`(${column} is not ${operand(condition, value)})`
  return sql`(${column} ${sql.raw(COMPARE[op] ?? '=')} ${operand(condition, value)})`
}

// The key is spelled into the statement, not bound: D1 allows 100 parameters. The schema admits letters, digits and _ only; checked again here.
function metadataColumn(key: string): SQL {
  if (!/^\w+$/.test(key)) throw new RangeError('"key" expected letters, digits and _')
  return sql.raw(`(c.metadata ->> '$.${key}')`)
}

const anyTag = (values: readonly Scalar[]): SQL =>
  sql`exists (select 1 from json_each(c.tags) t where t.value in ${inJson(values.map(String))})`

const ANY_MENTION = sql`exists (select 1 from mentions m where m.namespace_id = c.namespace_id and m.seq = c.seq)`

/**
 * Whether the text mentions one of the entities, under whatever name. A name that only secret cubes use leads to no other one: a merge must not
 * tell those who may not read them what the name means.
 */
function anyEntity(values: readonly Scalar[]): SQL {
  const isOpen = sql`exists (select 1 from mentions x cross join cubes y on y.namespace_id = x.namespace_id and y.seq = x.seq
    where x.namespace_id = c.namespace_id and x.key = v.value and y.sensitivity != 'secret')`
  return sql`exists (select 1 from mentions m left join entity_aliases a on a.namespace_id = m.namespace_id and a.alias = m.key
    where m.namespace_id = c.namespace_id and m.seq = c.seq and (m.key in ${inJson(values.map((value) => entityKey(String(value))))}
      or coalesce(a.key, m.key) in (select coalesce(b.key, v.value) from json_each(${toJson(values.map((value) => entityKey(String(value))))}) v
        left join entity_aliases b on b.namespace_id = c.namespace_id and b.alias = v.value where ${isOpen})))`
}

/** Tags and entities are lists: `contains` and `eq` ask for one of them, `in` for any of several. */
function listSql(condition: FilterCondition, any: (values: readonly Scalar[]) => SQL, isThere: SQL): SQL {
  const { field, op, value } = condition
  if (op === 'exists') return value === false ? sql`(not ${isThere})` : isThere
  if ((op === 'in' || op === 'nin') && Array.isArray(value)) return op === 'in' ? any(value) : sql`(not ${any(value)})`
  if (value === undefined || Array.isArray(value))
    throw unfit(condition, op === 'in' || op === 'nin' ? 'a list of values' : field === 'tags' ? 'one tag' : 'one name')
  if (op === 'contains' || op === 'eq') return any([value])
  if (op === 'ne') return sql`(not ${any([value])})`
  throw unfit(condition, `one of the operators eq, ne, in, nin, contains, exists for ${field}`)
}

/** A value as SQLite stores it: moments as milliseconds, booleans as JSON's 0 and 1. */
function operand(condition: FilterCondition, value: Scalar): string | number {
  if (FILTER_FIELDS[condition.field as FilterField] === 'moment') {
    const moment = Moment.safeParse(value)
    if (!moment.success) throw unfit(condition, 'an ISO 8601 time with offset, or milliseconds')
    return momentMs(moment.data)
  }
  return typeof value === 'boolean' ? Number(value) : value
}

const unfit = (condition: FilterCondition, expected: string) =>
  new MemosError('invalid_request', { field: `filter(${condition.field} ${condition.op})`, expected })
