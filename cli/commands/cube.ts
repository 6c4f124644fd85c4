import { Command } from 'commander'
import type { Body } from '../../sdk/endpoints.ts'
import { allOf, type Cli } from '../cli.ts'
import { minuteOf, table } from '../text.ts'
import { addCubeReads } from './cube-read.ts'
import { addCubeWrites } from './cube-write.ts'
import { revertCommand } from './revert.ts'

type Event = Body<'changeLifecycle'>['event']

const CHANGES: Record<Event, string> = {
  archive: 'put away; found with --archived only',
  restore: 'bring back from the archive',
  freeze: 'refuse every change',
  unfreeze: 'take changes again',
}
const COLUMNS = [
  { title: 'AT' },
  { title: 'EVENT' },
  { title: 'FROM' },
  { title: 'TO' },
  { title: 'BY' },
  { title: 'REASON', flexible: true },
]

export function cubeCommand(cli: Cli): Command {
  const command = new Command('cube').description('single memories: write, read, put away; their history and revisions')
  for (const [event, description] of Object.entries(CHANGES) as [Event, string][]) {
    command
      .command(event)
      .description(description)
      .argument('<id>')
      .option('--reason <text>', 'kept with the change')
      .action((id: string, { reason }: { reason?: string }) => change(cli, id, event, reason))
  }
  command
    .command('history')
    .description('changes of state, newest first')
    .argument('<id>')
    .action((id: string) => history(cli, id))
  command.addCommand(revertCommand(cli))
  addCubeReads(cli, command)
  addCubeWrites(cli, command)
  return command
}

async function change(cli: Cli, id: string, event: Event, reason: string | undefined): Promise<void> {
  const cube = await cli.client().cubes[event](id, reason === undefined ? {} : { reason })
  cli.show(cube, () => `${id} is ${cube.behavioural.state}.\n`)
}

async function history(cli: Cli, id: string): Promise<void> {
  const found = await allOf(cli.client().cubes.transitions(id))
  const rows = found.map(({ at, event, from, to, caller, reason }) => [minuteOf(at), event, from, to, caller, reason])
  cli.show(found, () => (found.length === 0 ? 'No change of state.\n' : table(COLUMNS, rows, cli.io.columns)))
}
