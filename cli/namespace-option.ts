import type { Command } from 'commander'

export interface InNamespace {
  namespace: string
}

/** The option of commands that work on something inside one namespace. */
export const inNamespace = (command: Command): Command =>
  command.option('-n, --namespace <name>', 'namespace', 'default')
