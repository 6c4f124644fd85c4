import { Argument, Command } from 'commander'
import type { Cli } from '../cli.ts'

const INSTALL = {
  bash: 'source <(memos completion bash)',
  zsh: 'source <(memos completion zsh)',
}

/** `program` is asked for late: it is complete only when all commands are in it. */
export const completionCommand = (cli: Cli, program: () => Command): Command =>
  new Command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(Object.keys(INSTALL)))
    .addHelpText('after', `\nUse it in your shell's start file: ${INSTALL.bash}`)
    .action((shell: keyof typeof INSTALL) => cli.io.out(completionScript(program(), shell)))

/** Script that offers the commands and options at each place. zsh runs the same script through its bash emulation. */
export function completionScript(program: Command, shell: keyof typeof INSTALL): string {
  const words = wordsByPath(program, program.name(), [])
  const paths = [...words.keys()].slice(1).map((path) => `"${path}"`)
  const cases = [...words].map(([path, candidates]) => `    "${path}") words="${candidates.join(' ')}" ;;`)
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_memos() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" path="${program.name()}" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${paths.join('|')}) path="$path $word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _memos ${program.name()}
`
}

/** What may follow each command: its subcommands, its options and those of everything above it. */
function wordsByPath(command: Command, path: string, inherited: readonly string[]): Map<string, string[]> {
  const options = [...command.options.map((option) => option.long ?? option.short ?? ''), ...inherited]
  const here = [
    ...command.commands.map((child) => child.name()),
    ...options,
    ...(inherited.includes('--help') ? [] : ['--help']),
  ]
  const below = command.commands.flatMap((child) => [
    ...wordsByPath(child, `${path} ${child.name()}`, [...new Set([...options, '--help'])]),
  ])
  return new Map([[path, here], ...below])
}
