import { type SQL, sql } from 'drizzle-orm'
import { Moment, momentMs } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import {
  FILTER_FIELDS,
  type Filter,
  type FilterCondition,
  type FilterField,
  type FilterOperator,
} from '../../../schemas/filter.ts'
import type { SearchScope } from '../../ports/lexical.ts'
import { inJson } from './sql.ts'

type Scalar = string | number | boolean

/** Columns of `cubes c` behind the names that filters use. */
const COLUMNS: Record<FilterField, SQL> = {
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
  title: sql`c.title`,
  tags: sql`c.tags`,
  saidAt: sql`c.said_at_ms`,
  createdAt: sql`c.created_at_ms`,
  updatedAt: sql`c.updated_at_ms`,
  expiresAt: sql`c.expires_at_ms`,
  accessCount: sql`c.access_count`,
  revision: sql`c.revision`,
}

const COMPARE: Partial<Record<FilterOperator, string>> = { eq: '=', ne: '!=', gt: '>', gte: '>=', lt: '<', lte: '<=' }

/**
 * The condition over `cubes c` that a filter means. A field without a value never matches a comparison; `not` matches what its inner filter
 * does not, absent values included.
 * @throws MemosError invalid_request naming the condition
 */
export function filterSql(filter: Filter): SQL {
  if ('and' in filter) return sql`(${sql.join(filter.and.map(filterSql), sql` and `)})`
  if ('or' in filter) return sql`(${sql.join(filter.or.map(filterSql), sql` or `)})`
  if ('not' in filter) return sql`(not coalesce(${filterSql(filter.not)}, 0))`
  return conditionSql(filter)
}

/** The condition over `cubes c` of what a search looks at. */
export const scopeSql = ({ filter, includeArchived }: SearchScope): SQL =>
  sql`${includeArchived ? sql`1` : sql`c.state != 'archived'`} and ${filter === null ? sql`1` : filterSql(filter)}`

function conditionSql(condition: FilterCondition): SQL {
  const { field, op, value } = condition
  if (field === 'tags') return tagsSql(condition)
  const key = field.startsWith('metadata.') ? field.slice('metadata.'.length) : null
  const column = key === null ? COLUMNS[field as FilterField] : metadataColumn(key)
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

/** Tags are a list: `contains` and `eq` ask for one tag, `in` for any of several. */
function tagsSql(condition: FilterCondition): SQL {
  const { op, value } = condition
  const any = (values: readonly Scalar[]) =>
    sql`exists (select 1 from json_each(c.tags) t where t.value in ${inJson(values.map(String))})`
  if (op === 'exists')
    return value === false ? sql`(json_array_length(c.tags) = 0)` : sql`(json_array_length(c.tags) > 0)`
  if ((op === 'in' || op === 'nin') && Array.isArray(value)) return op === 'in' ? any(value) : sql`(not ${any(value)})`
  if (value === undefined || Array.isArray(value))
    throw unfit(condition, op === 'in' || op === 'nin' ? 'a list of values' : 'one tag')
  if (op === 'contains' || op === 'eq') return any([value])
  if (op === 'ne') return sql`(not ${any([value])})`
  throw unfit(condition, 'one of the operators eq, ne, in, nin, contains, exists for tags')
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
