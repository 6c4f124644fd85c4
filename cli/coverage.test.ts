/**
 * Goal: there is a command for every operation of the API.
 * Method: command lines are run in order against a Node edge over HTTP, and what they send is looked up in the route table. A command counts for an
 * operation because it sent that request, so neither a new route nor a new command can be left out unnoticed.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ROUTES, type RouteName } from '../schemas/routes/all.ts'
import type { EdgeUnderTest } from '../test/support/edge.ts'
import { openNodeEdge } from '../test/support/edge-node.ts'
import { runMemos } from '../test/support/memos-cli.ts'
import { tempDir } from '../test/support/temp-dir.ts'
import type { Io } from './io.ts'
import { buildProgram, treeOf } from './program.ts'

/** Operations that need no command, each with the reason. */
const WITHOUT_COMMAND: Partial<Record<RouteName, string>> = {}

/** Commands that send no operation, each with the reason. */
const WITHOUT_OPERATION: Readonly<Record<string, string>> = {
  start: 'runs the server',
  doctor: 'asks /healthz and /readyz, which stand outside of the API',
  completion: 'prints a script for the shell',
  'mip export': 'reads what is served to peers, which stands outside of the API',
  'mip verify': 'reads a file',
}

interface Line {
  /** `$NAME` stands for what an earlier line kept; `$DIR` for an empty folder. */
  line: string
  /** Keeps a value of the JSON answer under a name. */
  keep?: Record<string, (answer: never) => string | undefined>
  /** Error code of a line that this server has to refuse: what it needs takes a second database, or work in the background. */
  refused?: string
}

const DID = 'did:key:z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3'

type Cubes = { cubes: { cubeId: string }[] }
const LINES: readonly (string | Line)[] = [
  { line: 'add The_ferry_leaves_the_old_harbour_at_dawn', keep: { CUBE: ({ cubes }: Cubes) => cubes[0]?.cubeId } },
  'add Hello --plan',
  'cube create-many $DIR/cubes.json',
  { line: 'cube create Porto --tag town --kind event', keep: { OTHER: ({ cubeId }: { cubeId: string }) => cubeId } },
  'cube list --tag town',
  'cube show $CUBE',
  'cube update $CUBE At_ten_on_Sundays --mode append --title Ferry',
  'cube update $CUBE --clear title',
  'cube revisions $CUBE',
  'cube provenance $CUBE',
  'cube tags $CUBE',
  'cube archive $CUBE',
  'cube restore $CUBE',
  'cube freeze $CUBE',
  'cube unfreeze $CUBE',
  'cube history $CUBE',
  'cube revert $CUBE 1',
  'read Where?',
  'search ferry',
  'models',
  { line: 'chat Where? --session talk', refused: 'no_model_available' },
  'context ferry',
  { line: 'fact add $CUBE Ana lives_in Porto', keep: { FACT: ({ id }: { id: string }) => id } },
  'fact list',
  'fact show $FACT',
  'fact undo $FACT',
  'fact retract $FACT',
  'namespaces create team',
  'namespaces list',
  'namespaces show team',
  'namespaces set team {"lifecycle":{"idleDays":30}}',
  'user create ana --name Ana',
  'user list',
  'agent create bot',
  'agent list',
  'namespaces grants team user:ana=read',
  'namespaces grants team',
  {
    line: 'permission grant user:ana -n team',
    keep: { PERMISSION: ({ id }: { id: string }) => id },
  },
  'permission list -n team',
  'permission revoke $PERMISSION',
  'role set reader --template $DIR/role.json',
  'role show reader',
  'role list',
  'role members reader user:ana',
  'role members reader',
  'role delete reader',
  'entity list',
  { line: 'entity show nobody', refused: 'not_found' },
  { line: 'entity merge Oporto Porto', refused: 'not_found' },
  { line: 'entity split Oporto', refused: 'not_found' },
  'snapshot create pin',
  'snapshot list',
  'snapshot show pin',
  'snapshot diff snapshot:pin',
  'snapshot restore pin',
  'snapshot delete pin',
  'branch create idea',
  'branch add idea Only_here --tag new',
  'branch edit idea $CUBE At_noon',
  'branch remove idea $OTHER',
  'branch show idea',
  'branch list',
  'branch merge idea --strategy theirs',
  'branch create gone',
  'branch discard gone',
  { line: 'block create me --text I_sail', keep: { BLOCK: ({ blockId }: { blockId: string }) => blockId } },
  'block list',
  'block show $BLOCK',
  'block edit $BLOCK At_noon',
  'block pin $BLOCK',
  'block members $BLOCK --add $CUBE --remove $OTHER',
  'feedback $CUBE helped',
  'block evolve $BLOCK --dry-run',
  'block changes $BLOCK',
  { line: 'block undo $BLOCK $CUBE', refused: 'not_found' },
  'block delete $BLOCK',
  `peer add ${DID} --name Harbour --tier known`,
  'peer list',
  'peer erasures',
  `peer trust ${DID} trusted`,
  { line: `subscribe ${DID} --topic ports --about ferries`, keep: { FOLLOWED: ({ id }: { id: string }) => id } },
  'subscriptions',
  'subscriptions show $FOLLOWED',
  'subscriptions pause $FOLLOWED',
  'subscriptions resume $FOLLOWED',
  'catch-up $FOLLOWED',
  'quarantine list',
  { line: 'quarantine approve $FOLLOWED.$CUBE', refused: 'not_found' },
  { line: 'quarantine reject $FOLLOWED.$CUBE', refused: 'not_found' },
  'unsubscribe $FOLLOWED',
  `peer remove ${DID}`,
  'node list',
  'node token rack-1 --hours 1',
  { line: 'node revoke $CUBE', refused: 'not_found' },
  'node tasks --state queued',
  { line: 'node cancel $CUBE', refused: 'not_found' },
  'pipeline set mine $DIR/pipeline.json',
  'pipeline list',
  'pipeline show mine',
  'pipeline run mine --dry-run',
  'pipeline runs',
  'pipeline effects',
  { line: 'pipeline retry $CUBE', refused: 'not_found' },
  'pipeline delete mine',
  'schedule run default',
  'schedule show default',
  'decisions',
  'task list',
  'export default -o $DIR/out.tar --watermark',
  'import $DIR/out.tar -n team',
  'audit list',
  'audit export -o $DIR/log.jsonl',
  'audit verify',
  'audit trace The_ferry_leaves_the_old_harbour_at_dawn',
  'usage',
  { line: 'keys create app', keep: { KEY: ({ key }: { key: { id: string } }) => key.id } },
  'keys list',
  'keys rotate $KEY',
  'keys revoke $KEY',
  { line: 'org create Acme', keep: { ORG: ({ organisation }: { organisation: { id: string } }) => organisation.id } },
  'org list',
  { line: 'org move $ORG nowhere', refused: 'invalid_request' },
  'org move $ORG --abort',
  { line: 'task show 01J8Z3V5Y0QK6W2N4T7R9XABCD', refused: 'not_found' },
  { line: 'task cancel 01J8Z3V5Y0QK6W2N4T7R9XABCD', refused: 'not_found' },
  'org init --key-file $DIR/root.json',
  {
    line: 'org show',
    keep: {
      DID: ({ org }: { org: string }) => org,
      DELEGATION: ({ delegations }: { delegations: { address: string }[] }) => delegations[0]?.address,
    },
  },
  'publish $CUBE --topic ports',
  'publish -n default --log harbour',
  'revoke $CUBE --reason error',
  'revoke $CUBE --status',
  'mip export $DID -o $DIR/main.car',
  'mip export $DID harbour -o $DIR/harbour.car',
  'mip verify $DIR/harbour.car --main $DIR/main.car',
  { line: 'mip import $DIR/main.car', refused: 'precondition_failed' },
  'org rotate --key-file $DIR/root.json',
  'org delegate --key-file $DIR/root.json --days 7',
  'org delegate --key-file $DIR/root.json --serve',
  'org revoke-key $DELEGATION --key-file $DIR/root.json',
  'cube delete $OTHER',
  'namespaces delete team --yes',
  'user delete ana --yes',
  'agent delete bot --yes',
]

const FILES = {
  'cubes.json': [{ content: 'One.' }, { content: 'Two.' }],
  'role.json': { namespaces: [{ name: 'team', access: 'read' }] },
  'pipeline.json': { steps: [{ id: 'find', kind: 'retrieve', query: 'ferry' }] },
}

const PATTERNS = Object.entries(ROUTES).map(([name, { method, path }]) => ({
  name: name as RouteName,
  method: method.toUpperCase(),
  path: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`),
}))

/** The operation of a request. */
function operationOf(method: string, path: string): RouteName {
  const [found, ...others] = PATTERNS.filter((one) => one.method === method && one.path.test(path))
  if (found === undefined || others.length > 0) throw new Error(`${method} ${path} is not one operation`)
  return found.name
}

const used = new Set<RouteName>()
const failed: string[] = []
const run = new Set<string>()
let edge: EdgeUnderTest | undefined

beforeAll(async () => {
  edge = await openNodeEdge()
  await using folder = await tempDir()
  for (const [name, value] of Object.entries(FILES)) await writeFile(join(folder.path, name), JSON.stringify(value))
  const kept: Record<string, string> = { DIR: folder.path }
  for (const one of LINES) {
    const { line, keep = {}, refused }: Line = typeof one === 'string' ? { line: one } : one
    const args = line
      .split(' ')
      .map((word) => word.replace(/\$([A-Z]+)/g, (_, name: string) => kept[name] ?? `no ${name}`))
    const { out, error } = await runLine(edge, args, Object.keys(keep).length > 0)
    if (error !== refused) failed.push(`memos ${line}: ${error ?? 'was not refused'}`)
    if (error === undefined)
      for (const [name, of] of Object.entries(keep)) kept[name] = of(JSON.parse(out) as never) ?? `no ${name}`
  }
}, 120_000)
afterAll(() => edge?.close())

/** Runs a line as people do, or with --json where later ones use its answer. */
async function runLine({ fetch, rootKey }: EdgeUnderTest, args: readonly string[], isJson: boolean) {
  run.add(commandOf(args))
  const { code, out, err } = await runMemos(isJson ? [...args, '--json'] : args, {
    env: { MEMOS_KEY: rootKey },
    fetch: async (input, init) => {
      const { pathname, search } = new URL(String(input))
      if (!pathname.startsWith('/mip/')) used.add(operationOf(init?.method ?? 'GET', pathname))
      return fetch(`${pathname}${search}`, init as RequestInit)
    },
  })
  return { out, error: code === 0 ? undefined : errorCodeOf(err) }
}

const errorCodeOf = (text: string): string =>
  /"code":"(\w+)"|code: (\w+)/
    .exec(text)
    ?.slice(1)
    .find((code) => code !== undefined) ?? text

const leavesOf = (): string[] => {
  const io = { out() {}, err() {}, columns: 100 } as unknown as Io
  return treeOf(buildProgram(io))
    .filter((command) => command.commands.length === 0)
    .map((command) => {
      const names: string[] = []
      for (let at = command; at.parent !== null; at = at.parent) names.unshift(at.name())
      return names.join(' ')
    })
}
const LEAVES = new Set(leavesOf())
const commandOf = ([first = '', second = '']: readonly string[]): string =>
  LEAVES.has(first) ? first : `${first} ${second}`

it('runs every line against a server', () => {
  expect(failed).toEqual([])
})

it('has a command for every operation, or a reason why there is none', () => {
  const without = Object.keys(WITHOUT_COMMAND)
  const reachable = Object.keys(ROUTES).filter((name) => !without.includes(name))
  expect([...used].sort()).toEqual(reachable.sort())
})

it('runs every command', () => {
  expect([...LEAVES].filter((name) => !run.has(name) && !Object.hasOwn(WITHOUT_OPERATION, name))).toEqual([])
})
