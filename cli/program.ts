import { Command } from 'commander'
import { Cli } from './cli.ts'
import { addCommand } from './commands/add.ts'
import { auditCommand } from './commands/audit.ts'
import { blockCommand, feedbackCommand } from './commands/blocks.ts'
import { branchCommand } from './commands/branches.ts'
import { chatCommand, modelsCommand } from './commands/chat.ts'
import { completionCommand } from './commands/completion.ts'
import { contextCommand } from './commands/context.ts'
import { cubeCommand } from './commands/cube.ts'
import { doctorCommand } from './commands/doctor.ts'
import { entityCommand } from './commands/entities.ts'
import { exportCommand } from './commands/export.ts'
import { factCommand } from './commands/fact.ts'
import { importCommand } from './commands/import.ts'
import { keysCommand } from './commands/keys.ts'
import { mipCommand } from './commands/mip.ts'
import { namespacesCommand } from './commands/namespaces.ts'
import { nodeCommand } from './commands/nodes.ts'
import { organisationsCommand } from './commands/organisations.ts'
import { peerCommand } from './commands/peers.ts'
import { permissionCommand, roleCommand } from './commands/permissions.ts'
import { pipelinesCommand } from './commands/pipelines.ts'
import { principalCommand } from './commands/principals.ts'
import { publishCommand, revokeCommand } from './commands/publish.ts'
import { quarantineCommand } from './commands/quarantine.ts'
import { readCommand } from './commands/read.ts'
import { decisionsCommand, scheduleCommand } from './commands/schedule.ts'
import { searchCommand } from './commands/search.ts'
import { snapshotCommand } from './commands/snapshots.ts'
import { startCommand } from './commands/start.ts'
import { subscriptionCommands } from './commands/subscriptions.ts'
import { taskCommand } from './commands/tasks.ts'
import { usageCommand } from './commands/usage.ts'
import { DEFAULT_URL, type GlobalOptions } from './connection.ts'
import type { Io } from './io.ts'

const MORE = `
Server and key come from --url and --key, then MEMOS_URL and MEMOS_KEY, then ${DEFAULT_URL} and MEMOS_HOME/root.key.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no answer from the server.`

/** The whole command line. Throws CommanderError instead of ending the process. */
export function buildProgram(io: Io): Command {
  const program = new Command('memos')
    .description('Memory for language models, from the command line.')
    .option('--url <url>', 'address of the server')
    .option('--key <key>', 'API key')
    .option('--org <id>', 'organisation to act in (root key only)')
    .option('--json', 'print JSON for programs')
    .addHelpText('after', MORE)
  const cli = new Cli(io, () => program.opts<GlobalOptions>())
  const commands = [
    startCommand(cli),
    addCommand(cli),
    readCommand(cli),
    searchCommand(cli),
    contextCommand(cli),
    chatCommand(cli),
    modelsCommand(cli),
    factCommand(cli),
    namespacesCommand(cli),
    snapshotCommand(cli),
    branchCommand(cli),
    cubeCommand(cli),
    entityCommand(cli),
    blockCommand(cli),
    feedbackCommand(cli),
    importCommand(cli),
    exportCommand(cli),
    keysCommand(cli),
    principalCommand(cli, 'user'),
    principalCommand(cli, 'agent'),
    permissionCommand(cli),
    roleCommand(cli),
    organisationsCommand(cli),
    publishCommand(cli),
    revokeCommand(cli),
    mipCommand(cli),
    auditCommand(cli),
    usageCommand(cli),
    peerCommand(cli),
    ...subscriptionCommands(cli),
    quarantineCommand(cli),
    nodeCommand(cli),
    pipelinesCommand(cli),
    scheduleCommand(cli),
    decisionsCommand(cli),
    taskCommand(cli),
    doctorCommand(cli),
    completionCommand(cli, () => program),
  ]
  for (const command of commands) program.addCommand(command)
  for (const command of treeOf(program)) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({ writeOut: io.out, writeErr: io.err, getOutHelpWidth: () => io.columns })
  }
  return program
}

/** A command and everything below it. */
export const treeOf = (command: Command): Command[] => [command, ...command.commands.flatMap(treeOf)]
