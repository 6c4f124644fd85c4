/**
 * Goal: what the documents tell a reader to type does what they say.
 * Method: the fenced blocks that stand under a `<!-- test -->` comment are run in order, like a reader would, against a server of their own with
 * empty data. `<!-- test: TEXT -->` also expects TEXT in the output, `<!-- test refused: CODE -->` expects that error.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ROUTES } from '../../schemas/routes/all.ts'
import { startServer } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'
import { readRepositoryFile, repositoryFiles } from '../tidy/repository.ts'

const REPOSITORY = join(import.meta.dirname, '../..')
const CONCEPTS = readdirSync(join(REPOSITORY, 'docs/concepts')).map((name) => `docs/concepts/${name}`)
const DOCUMENTS = ['README.md', 'docs/quick-start.md', 'docs/api-guide.md', 'docs/federation.md', ...CONCEPTS]
/** Readers wait a minute for what is found in the background. */
const ENVIRONMENT = { MEMOS_UPKEEP_SECONDS: '1', MEMOS_MIP_PRIVATE: 'on' }
/** Servers that documents start, by their port, and the folder of each. */
const DOCUMENTED = new Map([
  ['8787', '.memos'],
  ['8788', '.memos-b'],
])
const DOCUMENT_MS_MAX = 180_000
const BLOCK =
  /<!-- test(?<refused> refused)?(?:: (?<expected>[^\n]+?))? -->\n+```(?<language>sh|ts)\n(?<code>[\s\S]*?)\n```/g

interface DocumentedServer {
  port: string
  url: string
  home: string
}

interface Snippet {
  line: number
  language: string
  code: string
  isRefused: boolean
  expected: string | undefined
}

function snippetsOf(text: string): Snippet[] {
  return [...text.matchAll(BLOCK)].map(({ index, groups: { refused, expected, language = '', code = '' } = {} }) => ({
    line: text.slice(0, index).split('\n').length,
    language,
    code,
    isRefused: refused !== undefined,
    expected,
  }))
}

/** A reader's shell: variables and functions that one block sets are there in the next one, exported variables also for TypeScript. */
async function openShell(folder: string, servers: readonly [DocumentedServer, ...DocumentedServer[]]) {
  const variables = join(folder, 'variables.sh')
  await writeFile(variables, '')
  const env = {
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
    HOME: folder,
    MEMOS_HOME: servers[0].home,
    MEMOS_URL: servers[0].url,
  }
  const bash = async (code: string) => {
    // -f would hide the body of a refusal, and without any the block would go on as if all were well.
    const script = `set -aeuo pipefail
      curl() { command curl --no-progress-meter --fail-with-body "$@"; }
      . ${variables}
      cd ${REPOSITORY}
      trap '{ export -p; declare -f; } > ${variables}' EXIT
      ${code}`
    return promisify(execFile)('bash', ['-c', script], { env }).then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code: Number(code), output: `${stdout}${stderr}` }),
    )
  }
  const here = (code: string) =>
    servers.reduce(
      (text, { port, url, home }) =>
        text
          .replaceAll(`127.0.0.1:${port}`, new URL(url).host)
          .replaceAll(`/tcp/${port}`, `/tcp/${new URL(url).port}`)
          .replaceAll(`${DOCUMENTED.get(port)}/`, `${home}/`),
      code,
    )
  let scripts = 0
  return async ({ language, code }: Snippet) => {
    if (language === 'sh') return bash(here(code))
    const file = join(folder, `snippet-${++scripts}.ts`)
    const root = pathToFileURL(`${REPOSITORY}/`).href
    await writeFile(file, here(code).replaceAll(/from '\.\/(?=sdk\/)/g, `from '${root}`))
    return bash(`node ${file}`)
  }
}

describe.each(DOCUMENTS)('%s', (path) => {
  it('has snippets that do what it says', { timeout: DOCUMENT_MS_MAX }, async () => {
    await using folder = await tempDir()
    const home = join(folder.path, 'home')
    const text = readRepositoryFile(path)
    await using server = await startServer({ home, env: ENVIRONMENT })
    await using another = text.includes('PORT=8788')
      ? await startServer({ home: `${home}-b`, env: ENVIRONMENT })
      : undefined
    const run = await openShell(folder.path, [
      { port: '8787', url: server.url, home },
      ...(another ? [{ port: '8788', url: another.url, home: `${home}-b` }] : []),
    ])
    const snippets = snippetsOf(text)
    expect(snippets.length).toBeGreaterThan(0)
    for (const snippet of snippets) {
      const { code, output } = await run(snippet)
      const place = `${path}:${snippet.line}\n${snippet.code}\n${output}`
      expect(code === 0, place).toBe(!snippet.isRefused)
      if (snippet.expected !== undefined) expect(output.includes(snippet.expected), place).toBe(true)
    }
    expect(await readFile(join(home, 'root.key'), 'utf8')).toMatch(/^memos_root_/)
  })
})

it('every operation of the API stands in the API guide', () => {
  const guide = readRepositoryFile('docs/api-guide.md')
  const lines = Object.values(ROUTES).map(
    ({ method, path }) => `${method.toUpperCase()} ${path.replace(/:(\w+)/g, '{$1}')}`,
  )
  expect(lines.filter((line) => !guide.includes(`\`${line}\``))).toEqual([])
})

it('every setting of the node host stands in the README', () => {
  const sources = ['worker/entry/node/config.ts', 'worker/entry/model-settings.ts'].map(readRepositoryFile)
  const names = sources.join('\n').match(/\b(?:PORT|HOST|MEMOS_[A-Z_]+)(?=: )/g) ?? []
  expect(names.length).toBeGreaterThan(5)
  const readme = readRepositoryFile('README.md')
  expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([])
})

it('links and pictures of the documents lead to files that are there', () => {
  const documents = repositoryFiles().filter((path) => path.endsWith('.md'))
  const broken = documents.flatMap((path) =>
    [...readRepositoryFile(path).matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)]
      .map(([, target = '']) => join(dirname(path), target))
      .filter((target) => !existsSync(join(REPOSITORY, target)))
      .map((target) => `${path}: ${target}`),
  )
  expect(broken).toEqual([])
})

it('the benchmarks in the README are those of the result files', async () => {
  await expect(node('scripts/readme-benchmarks.ts', '--check')).resolves.toBeTypeOf('object')
})

it('the quality figures in docs/retrieval.md are those of the demo', async () => {
  const { figures } = JSON.parse((await node('scripts/demo-conversation.ts', '--json')).stdout)
  const values = ['R@1', 'R@5', 'R@10', 'MRR'].map((name) => Number(figures[name]).toFixed(1))
  expect(readRepositoryFile('docs/retrieval.md')).toContain(`| all | ${[figures.questions, ...values].join(' | ')} |`)
})

const node = (script: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [join(REPOSITORY, script), ...args], { cwd: REPOSITORY })
