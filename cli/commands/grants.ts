import { Command } from 'commander'
import type { Body } from '../../sdk/endpoints.ts'
import { type Cli, examples } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'

type Grant = Body<'setGrants'>['grants'][number]

const GRANT = /^(?<kind>user|agent):(?<id>.+)=(?<access>read|write)$/

/** `namespaces grants`: who may use a namespace as a whole. */
export const grantsCommand = (cli: Cli): Command =>
  new Command('grants')
    .description('who may use a namespace; with grants, replace them')
    .argument('<name>')
    .argument('[grants...]', 'user:ID=read, agent:ID=write')
    .option('--none', 'take all of them back')
    .addHelpText('after', examples('namespaces grants team', 'namespaces grants team user:bob=read agent:bot=write'))
    .action((name: string, given: string[], { none = false }: { none?: boolean }) => grants(cli, name, given, none))

async function grants(cli: Cli, name: string, given: readonly string[], none: boolean): Promise<void> {
  if (none && given.length > 0)
    throw new CliError('either grants or --none', { next: 'Leave one of them out.', exitCode: EXIT.usage })
  const wanted = given.map(grantOf)
  const { namespaces } = cli.client()
  const found = await (none || wanted.length > 0 ? namespaces.setGrants(name, wanted) : namespaces.grants(name))
  cli.show(found.grants, () =>
    found.grants.length === 0
      ? 'No grants.\n'
      : found.grants.map(({ subject, access }) => `${subject.kind}:${subject.id}=${access}\n`).join(''),
  )
}

/** @throws CliError */
function grantOf(text: string): Grant {
  const { kind, id, access } = GRANT.exec(text)?.groups ?? {}
  if (id === undefined)
    throw new CliError(`"${text}" is no grant`, { next: 'Write one as user:ID=read.', exitCode: EXIT.usage })
  return { subject: { kind: kind as Grant['subject']['kind'], id }, access: access as Grant['access'] }
}
