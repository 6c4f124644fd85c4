import { Command } from 'commander'
import { allOf, type Cli, examples } from '../cli.ts'
import { table } from '../text.ts'

/** Foreign memory that waits for a decision. */
export function quarantineCommand(cli: Cli): Command {
  const command = new Command('quarantine').description('foreign memory that waits for a decision')
  command
    .command('list')
    .description('what waits, and why')
    .action(() => list(cli))
  command
    .command('approve')
    .description('take it in all the same')
    .argument('<id>', 'as memos quarantine list shows it')
    .addHelpText('after', examples('quarantine approve "$ID"'))
    .action((id: string) => decide(cli, 'approveQuarantined', id))
  command
    .command('reject')
    .description('keep it out, and erase what is here of it')
    .argument('<id>', 'as memos quarantine list shows it')
    .action((id: string) => decide(cli, 'rejectQuarantined', id))
  return command
}

async function list(cli: Cli): Promise<void> {
  const found = await allOf(cli.client().iterate('listQuarantine', {}))
  const columns = [{ title: 'ID' }, { title: 'NAMESPACE' }, { title: 'REASON' }, { title: 'TEXT', flexible: true }]
  const rows = found.map(({ id, namespace, reason, title, text }) => [id, namespace, reason, text ?? title ?? ''])
  cli.show(found, () => table(columns, rows, cli.io.columns))
}

async function decide(cli: Cli, operation: 'approveQuarantined' | 'rejectQuarantined', id: string): Promise<void> {
  const decision = await cli.client().call(operation, { params: { id } })
  cli.show(decision, () => `${decision.id} is ${decision.state}.\n`)
}
