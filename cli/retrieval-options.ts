import type { Command } from 'commander'
import type { Answer, Body } from '../sdk/endpoints.ts'
import { type Cli, collect } from './cli.ts'
import { jsonOf } from './json.ts'

export interface RetrievalOptions {
  namespace?: string[]
  user?: string
  mode?: Body<'search'>['mode']
  filter?: string
  archived?: boolean
  validAt?: string
  asOf?: string
}

/** Options that `search` and `context` share. */
export const addRetrievalOptions = (command: Command): Command =>
  command
    .option('-n, --namespace <name>', 'where to look; may be repeated', collect)
    .option('--user <id>', 'also in the private namespace of this user')
    .option('--mode <mode>', 'auto, lexical, vector or hybrid')
    .option('--filter <json>', 'condition, for instance \'{"field":"tags","op":"contains","value":"travel"}\'')
    .option('--archived', 'also among archived memories')
    .option('--valid-at <time>', 'what held then; by default what is not over')
    .option('--as-of <point>', 'as it stood: a time, snapshot:NAME or branch:NAME')

/** The part of a request that these options stand for. Values are checked by the server. */
export function retrievalScope({
  namespace,
  user,
  mode,
  filter,
  archived,
  validAt,
  asOf,
}: RetrievalOptions): Omit<Body<'search'>, 'query'> {
  return {
    ...(namespace !== undefined && { namespaces: namespace }),
    ...(user !== undefined && { userId: user }),
    ...(mode !== undefined && { mode }),
    ...(filter !== undefined && { filter: jsonOf<unknown>(filter, '--filter') }),
    ...(archived !== undefined && { includeArchived: archived }),
    ...(validAt !== undefined && { validAt }),
    ...(asOf !== undefined && { asOf }),
  }
}

/** Tells people how the results were found, and what was missing. */
export function noteRetrieval(cli: Cli, { retrieval, tookMs }: Pick<Answer<'search'>, 'retrieval' | 'tookMs'>): void {
  const { mode, model, spelling, notes } = retrieval
  const respelled = Object.entries(spelling).map(([word, others]) => `"${word}" as ${others.join(', ')}`)
  const facts = [mode, model, `${tookMs.toFixed(1)} ms`, ...respelled, ...notes]
  cli.note(facts.filter((fact) => fact !== null).join('; '))
}
