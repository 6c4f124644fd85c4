import { type Command, InvalidArgumentError } from 'commander'
import type { Answer, Body } from '../sdk/endpoints.ts'
import { type Cli, collect, wholeNumber } from './cli.ts'
import { CliError, EXIT } from './failure.ts'
import { jsonOf } from './json.ts'
import { minuteOf, safeText, table } from './text.ts'

type Create = Body<'createCube'>
type Update = Body<'updateCube'>

/** What can be said of a memory when it is made and when it is changed. */
export interface CubeOptions {
  title?: string
  kind?: NonNullable<Create['semanticType']>
  tag?: string[]
  metadata?: string
  expiresAt?: string
  validFrom?: string
  validTo?: string
  priority?: NonNullable<Create['priority']>
  sensitivity?: NonNullable<Create['sensitivity']>
}

/** Options that every command which writes a memory shares. */
export const addCubeOptions = (command: Command): Command =>
  command
    .option('--title <text>', 'title')
    .option('--kind <kind>', 'semantic type: fact, event, user_preference and others')
    .option('--tag <tag>', 'tag; may be repeated', collect)
    .option('--metadata <json>', 'for instance \'{"source":"call"}\'')
    .option('--expires-at <time>', 'expires then')
    .option('--valid-from <time>', 'what it says holds from here')
    .option('--valid-to <time>', 'and until here')
    .option('--priority <priority>', 'low, mid or high')
    .option('--sensitivity <level>', 'none, personal or secret')

/** The part of a request that these options stand for. Values are checked by the server. */
export const cubeFields = ({ kind, tag, metadata, ...rest }: CubeOptions) => ({
  title: rest.title,
  semanticType: kind,
  tags: tag,
  metadata: metadata === undefined ? undefined : jsonOf<NonNullable<Create['metadata']>>(metadata, '--metadata'),
  expiresAt: rest.expiresAt,
  validFrom: rest.validFrom,
  validTo: rest.validTo,
  priority: rest.priority,
  sensitivity: rest.sensitivity,
})

export interface ChangeOptions extends CubeOptions {
  mode: NonNullable<Update['mode']>
  clear?: Clearable[]
  revision?: number
}

/** Fields that a memory can be without, by the name of their option. */
const CLEARABLE = {
  title: 'title',
  'expires-at': 'expiresAt',
  'valid-from': 'validFrom',
  'valid-to': 'validTo',
} as const
type Clearable = keyof typeof CLEARABLE

function clearable(value: string, previous: Clearable[] = []): Clearable[] {
  if (!Object.hasOwn(CLEARABLE, value))
    throw new InvalidArgumentError(`Expected one of ${Object.keys(CLEARABLE).join(', ')}.`)
  return [...previous, value as Clearable]
}

/** Options of the commands that change a memory. */
export const addChangeOptions = (command: Command): Command =>
  addCubeOptions(command)
    .option('--mode <mode>', 'append, merge or overwrite', 'overwrite')
    .option('--clear <field>', `take this away (${Object.keys(CLEARABLE).join(', ')}); may be repeated`, clearable)
    .option('--revision <number>', 'refuse unless the memory is at this revision', wholeNumber)

/** The change that these options, and a text if there is one, stand for. @throws CliError when nothing would change */
export async function changeOf(
  cli: Cli,
  given: string | undefined,
  { clear = [], mode, revision, ...options }: ChangeOptions,
): Promise<Update> {
  const content = given === undefined ? undefined : await cli.textOf(given)
  const cleared = Object.fromEntries(clear.map((field) => [CLEARABLE[field], null]))
  const change = { content, ...cubeFields(options), ...cleared }
  if (Object.values(change).every((value) => value === undefined))
    throw new CliError('nothing to change', {
      next: 'Give a text, or an option that changes a field: --help lists them.',
      exitCode: EXIT.usage,
    })
  return { mode, ...change, expectedRevision: revision }
}

/** What is known of a memory, above its text. */
export function cubeText(cube: Answer<'getCube'>, width: number): string {
  const { descriptive, governance, behavioural } = cube
  const validity = [descriptive.validFrom, descriptive.validTo].map((time) => (time === null ? '...' : minuteOf(time)))
  const rows = [
    ['cube', cube.cubeId],
    ['namespace', cube.namespace],
    ['revision', cube.revision],
    ['state', behavioural.state],
    ['title', descriptive.title],
    ['kind', `${descriptive.semanticType} (${descriptive.memoryType})`],
    ['tags', descriptive.tags.join(', ')],
    ['speaker', descriptive.speaker],
    ['said', minuteOf(descriptive.saidAt)],
    ['valid', validity.join(' to ')],
    ['sensitivity', [governance.sensitivity, ...governance.labels].join(', ')],
    ['expires', governance.expiresAt && minuteOf(governance.expiresAt)],
  ].filter(([, value]) => value !== null && value !== '' && value !== '... to ...')
  const facts = table([{ title: 'FIELD' }, { title: 'VALUE', flexible: true }], rows, width)
  return `${facts}${cube.content === null ? '' : `\n${safeText(cube.content)}\n`}`
}
