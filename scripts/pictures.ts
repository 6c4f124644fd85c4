/**
 * `node scripts/pictures.ts`: makes the pictures of the README from the running software, so that they can be made again after a change.
 * Needs Chromium for the pages (`CHROMIUM` names one that is not on the path); without it only the terminal picture is made.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readConversations } from './demo/conversations.ts'
import { type DemoEdge, openEdge } from './demo/edge.ts'
import { remember } from './demo/recall.ts'
import { findChromium, openPage, type Page } from './pictures/browser.ts'
import { terminalSvg } from './pictures/terminal-svg.ts'

const REPOSITORY = join(import.meta.dirname, '..')
const IMAGES = join(REPOSITORY, 'docs/images')
const SAMPLE = join(REPOSITORY, 'docs/samples/conversation.json')
const NAMESPACE = 'ines-and-jonas'
const TERMINAL_COLUMNS = 104
const SIZE = { width: 1200, height: 1180 }
const BYTES_MAX = 200_000

function save(name: string, bytes: string | Buffer): void {
  if (bytes.length > BYTES_MAX) throw new RangeError(`${name} has ${bytes.length} bytes, more than ${BYTES_MAX}`)
  writeFileSync(join(IMAGES, name), bytes)
  console.log(`${name}: ${Math.ceil(bytes.length / 1024)} KiB`)
}

/** Two questions of the demo and its summary; the whole of it is too long to be looked at. */
async function terminalPicture(): Promise<void> {
  const env = { ...process.env, COLUMNS: String(TERMINAL_COLUMNS) }
  const script = join(REPOSITORY, 'scripts/demo-conversation.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script], { env })
  const parts = stdout.split('\n\n').map((part) => part.trimEnd())
  const questions = parts.filter((part) => part.includes('\n  answer:'))
  const shown = [
    parts[0],
    questions[4],
    questions[5],
    '...',
    ...parts.slice(parts.findIndex((part) => part.startsWith('RECALL'))),
  ]
  const lines = shown
    .join('\n\n')
    .split('\n')
    .map((line) => cut(line, TERMINAL_COLUMNS))
  save('demo-conversation.svg', terminalSvg('npm run demo:conversation', lines.join('\n'), TERMINAL_COLUMNS))
}

const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, columns - 1)}…`

async function consolePicture(page: Page, { client, url }: DemoEdge): Promise<void> {
  await client.namespaces.create({ name: NAMESPACE, layer: 'shared' })
  const [conversation] = readConversations(SAMPLE)
  if (conversation === undefined) throw new RangeError(`${SAMPLE} holds no conversation`)
  await remember(client, NAMESPACE, conversation, () => undefined)
  const { secret } = await client.keys.create({ name: 'console', scopes: ['memory:read', 'memory:write', 'log:read'] })
  await page.open(`${url}/`)
  await page.evaluate(`(() => {
    const enter = document.querySelector('#enter')
    enter.elements.key.value = ${JSON.stringify(secret)}
    enter.requestSubmit()
  })()`)
  await page.until(`document.querySelector('#search option[value="${NAMESPACE}"]') !== null`)
  await page.evaluate(`(() => {
    const search = document.querySelector('#search')
    search.elements.query.value = "What is the name of Ines's dog?"
    search.elements.namespace.value = ${JSON.stringify(NAMESPACE)}
    search.elements.limit.value = 2
    search.elements.tokens.value = 160
    search.requestSubmit()
  })()`)
  await page.until(
    `document.querySelectorAll('#results .hit').length > 1 && !document.querySelector('#search button').disabled`,
  )
  save('console.png', await page.screenshot())
}

async function referencePicture(page: Page, { url }: DemoEdge): Promise<void> {
  await page.open(`${url}/docs`)
  await page.until(`document.querySelectorAll('.opblock').length > 0`)
  save('api-reference.png', await page.screenshot())
}

await terminalPicture()
const chromium = findChromium()
if (chromium === undefined) {
  console.log(
    'console.png, api-reference.png: not made, there is no Chromium on this machine (set CHROMIUM to its path)',
  )
} else {
  await using edge = await openEdge({})
  await using page = await openPage(chromium, SIZE)
  await consolePicture(page, edge)
  await referencePicture(page, edge)
  const complaints = page.complaints()
  if (complaints.length > 0) throw new Error(['the browser complained:', ...complaints].join('\n'))
}
