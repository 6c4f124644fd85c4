import { Command } from 'commander'
import { type Cli, wholeNumber } from '../cli.ts'
import { safeText } from '../text.ts'

/** `cube revert`: an earlier revision comes back as a new one. */
export const revertCommand = (cli: Cli): Command =>
  new Command('revert')
    .description('bring an earlier revision back as a new one')
    .argument('<id>')
    .argument('<revision>', 'its number', wholeNumber)
    .action((id: string, revision: number) => revert(cli, id, revision))

async function revert(cli: Cli, id: string, revision: number): Promise<void> {
  const cube = await cli.client().cubes.revert(id, { revision })
  cli.show(cube, () => `${safeText(cube.content ?? '')}\n`)
  cli.note(`${id} is at revision ${cube.revision}`)
}
