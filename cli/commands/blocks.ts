import { Command } from 'commander'
import type { Answer, Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, collect, wholeNumber } from '../cli.ts'
import { minuteOf, safeText, table } from '../text.ts'

const COLUMNS = [
  { title: 'ID' },
  { title: 'KIND' },
  { title: 'PINNED' },
  { title: 'TOKENS', align: 'right' as const },
  { title: 'UPDATED' },
  { title: 'NAME', flexible: true },
]
const CHANGE_COLUMNS = [
  { title: 'ID' },
  { title: 'KIND' },
  { title: 'AT' },
  { title: 'BEFORE', align: 'right' as const },
  { title: 'AFTER', align: 'right' as const },
  { title: 'UNDONE' },
  { title: 'REASON', flexible: true },
]
const MEMBER_COLUMNS = [
  { title: 'CUBE' },
  { title: 'STATE' },
  { title: 'USEFUL', align: 'right' as const },
  { title: 'ADDED' },
  { title: 'RETIRED' },
]

export function blockCommand(cli: Cli): Command {
  const command = new Command('block').description('texts of limited size that agents edit')
  command
    .command('create')
    .description('create a block')
    .argument('<name>')
    .option('-n, --namespace <name>', 'namespace')
    .option('--kind <kind>', 'profile, skill, project or other', 'other')
    .option('--text <text>', 'what it says')
    .option('--tokens <count>', 'its size in estimated tokens', wholeNumber)
    .option('--pin', 'stands in front of every context pack')
    .action((name: string, options: CreateOptions) => create(cli, name, options))
  command
    .command('list')
    .description('blocks of a namespace')
    .option('-n, --namespace <name>', 'namespace')
    .action((options: { namespace?: string }) => list(cli, options))
  command
    .command('show')
    .description('what a block says')
    .argument('<id>')
    .action((id: string) => show(cli, id))
  command
    .command('edit')
    .description('edit the text of a block')
    .argument('<id>')
    .argument('<text>', 'what is new')
    .option('--op <op>', 'append, insert, replace or rewrite', 'append')
    .option('--old <text>', 'text to replace, or to insert behind')
    .option('--revision <number>', 'refuse unless the text is at this revision', wholeNumber)
    .action((id: string, text: string, options: EditOptions) => edit(cli, id, text, options))
  command
    .command('pin')
    .description('put a block in front of every context pack')
    .argument('<id>')
    .option('--off', 'no longer')
    .action((id: string, options: { off?: boolean }) => pin(cli, id, options.off !== true))
  command
    .command('members')
    .description('cubes of a block, after adding and removing some')
    .argument('<id>')
    .option('--add <cube>', 'put this cube into it; may be repeated', collect)
    .option('--remove <cube>', 'take this cube out of it; may be repeated', collect)
    .action((id: string, options: MemberOptions) => members(cli, id, options))
  command
    .command('delete')
    .description('erase a block and its text; its members stay')
    .argument('<id>')
    .action((id: string) => remove(cli, id))
  addEvolution(cli, command)
  return command
}

function addEvolution(cli: Cli, command: Command): void {
  command
    .command('evolve')
    .description('let a block evolve from its feedback')
    .argument('<id>')
    .option('--dry-run', 'say what would be done')
    .action((id: string, options: { dryRun?: boolean }) => evolve(cli, id, options.dryRun === true))
  command
    .command('changes')
    .description('what a block changed of itself')
    .argument('<id>')
    .action((id: string) => changes(cli, id))
  command
    .command('undo')
    .description('undo a change')
    .argument('<id>', 'the block')
    .argument('<change>')
    .action((id: string, change: string) => undo(cli, id, change))
}

export function feedbackCommand(cli: Cli): Command {
  return new Command('feedback')
    .description('tell what became of a memory that was handed out')
    .argument('<cube>')
    .argument('<outcome>', 'used, helped, corrected or ignored')
    .option('--request <id>', 'request that handed it out; counts once')
    .option('--query <text>', 'question that it was handed out for')
    .option('--correction <text>', 'what it should have said')
    .action((cubeId: string, outcome: Outcome, options: FeedbackOptions) => feedback(cli, cubeId, outcome, options))
}

interface CreateOptions {
  namespace?: string
  kind: NonNullable<Body<'createBlock'>['kind']>
  text?: string
  tokens?: number
  pin?: boolean
}

async function create(cli: Cli, name: string, { namespace, kind, text, tokens, pin }: CreateOptions): Promise<void> {
  const made = await cli.client().blocks.create({
    name,
    kind,
    pinned: pin === true,
    ...(namespace !== undefined && { namespace }),
    ...(text !== undefined && { text }),
    ...(tokens !== undefined && { tokensMax: tokens }),
  })
  cli.show(made, () => receiptText(made))
}

async function list(cli: Cli, query: { namespace?: string }): Promise<void> {
  const found = await allOf(cli.client().blocks.list(query))
  const rows = found.map((one) => [
    one.blockId,
    one.kind,
    one.pinned ? 'yes' : 'no',
    one.tokensMax,
    minuteOf(one.updatedAt),
    one.name,
  ])
  cli.show(found, () => table(COLUMNS, rows, cli.io.columns))
}

async function show(cli: Cli, id: string): Promise<void> {
  const block = await cli.client().blocks.get(id)
  cli.show(block, () => `${safeText(block.text)}\n`)
  const pinned = block.pinned ? ', pinned' : ''
  cli.note(
    `${block.name}: ${block.tokens} of ${block.tokensMax} tokens, revision ${block.revision}, ${block.members} members${pinned}`,
  )
}

interface EditOptions {
  op: Body<'editBlock'>['op']
  old?: string
  revision?: number
}

async function edit(cli: Cli, id: string, text: string, { op, old, revision }: EditOptions): Promise<void> {
  const made = await cli.client().blocks.edit(id, {
    op,
    new: text,
    ...(old !== undefined && { old }),
    ...(revision !== undefined && { expectedRevision: revision }),
  })
  cli.show(made, () => receiptText(made))
}

const receiptText = ({ blockId, revision, tokens, pagedOut }: Answer<'editBlock'>): string =>
  `${blockId} is at revision ${revision} with ${tokens} tokens.${pagedOut.length === 0 ? '' : ` ${pagedOut.length} cubes took over what did not fit.`}\n`

async function pin(cli: Cli, id: string, pinned: boolean): Promise<void> {
  const block = await cli.client().blocks.update(id, { pinned })
  cli.show(block, () => `${id} is ${pinned ? 'pinned' : 'no longer pinned'}.\n`)
}

interface MemberOptions {
  add?: string[]
  remove?: string[]
}

async function members(cli: Cli, id: string, { add = [], remove: taken = [] }: MemberOptions): Promise<void> {
  const { blocks } = cli.client()
  if (add.length > 0) await blocks.addMembers(id, add)
  for (const cubeId of taken) await blocks.removeMember(id, cubeId)
  const found = await allOf(blocks.members(id))
  cli.show(found, () =>
    table(
      MEMBER_COLUMNS,
      found.map(({ cubeId, state, usefulness, addedAt, retiredAt }) => [
        cubeId,
        state,
        usefulness.toFixed(3),
        minuteOf(addedAt),
        retiredAt && minuteOf(retiredAt),
      ]),
      cli.io.columns,
    ),
  )
}

async function remove(cli: Cli, id: string): Promise<void> {
  await cli.client().blocks.delete(id)
  cli.show({ deleted: id }, () => `Deleted ${id}.\n`)
}

async function evolve(cli: Cli, id: string, dryRun: boolean): Promise<void> {
  const done = await cli.client().blocks.evolve(id, { dryRun })
  cli.show(done, () =>
    dryRun
      ? done.proposals.map(({ kind, reason }) => `${kind}: ${reason}\n`).join('') || 'Nothing to do.\n'
      : changesTable(done.changes, cli.io.columns),
  )
  if (done.qualityBefore !== null)
    cli.note(
      `quality on ${done.questions} questions: ${done.qualityBefore.toFixed(3)} before, ${done.qualityAfter?.toFixed(3)} after`,
    )
}

async function changes(cli: Cli, id: string): Promise<void> {
  const found = await allOf(cli.client().blocks.changes(id))
  cli.show(found, () => changesTable(found, cli.io.columns))
}

const changesTable = (found: readonly Item<'listBlockChanges'>[], width: number): string =>
  table(
    CHANGE_COLUMNS,
    found.map((one) => [
      one.changeId,
      one.kind,
      minuteOf(one.at),
      one.qualityBefore?.toFixed(3) ?? '',
      one.qualityAfter?.toFixed(3) ?? '',
      one.undoneAt && minuteOf(one.undoneAt),
      one.reason,
    ]),
    width,
  )

async function undo(cli: Cli, id: string, change: string): Promise<void> {
  const done = await cli.client().blocks.undo(id, change)
  cli.show(done, () => `Undid ${change}.\n`)
}

type Outcome = Extract<Body<'sendFeedback'>, { cubeId: string }>['outcome']

interface FeedbackOptions {
  request?: string
  query?: string
  correction?: string
}

async function feedback(cli: Cli, cubeId: string, outcome: Outcome, options: FeedbackOptions): Promise<void> {
  const { request, query, correction } = options
  const done = await cli.client().feedback({
    cubeId,
    outcome,
    ...(request !== undefined && { requestId: request }),
    ...(query !== undefined && { query }),
    ...(correction !== undefined && { correction }),
  })
  cli.show(done, () => (done.recorded === 0 ? 'Known already.\n' : `Recorded ${outcome} of ${cubeId}.\n`))
}
