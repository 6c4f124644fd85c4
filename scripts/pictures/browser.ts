import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { tempDir } from '../../test/support/temp-dir.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
  '--hide-scrollbars',
  '--force-color-profile=srgb',
  '--remote-debugging-port=0',
]
const POLL_MS = 50
const WAIT_MS_MAX = 20_000

export interface Page extends AsyncDisposable {
  open(url: string): Promise<void>
  /** Value of an expression in the page; promises are waited for. @throws Error when it throws there */
  evaluate(expression: string): Promise<unknown>
  /** Until the expression is true in the page. */
  until(expression: string): Promise<void>
  /** PNG of the visible part. */
  screenshot(): Promise<Buffer>
  /** What the browser complained about: refused scripts, failed requests, exceptions. */
  complaints(): readonly string[]
}

/** A Chromium of this machine, or undefined. */
export const findChromium = (): string | undefined =>
  [process.env.CHROMIUM ?? '', ...NAMES].find(
    (name) => name !== '' && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  )

/** Opens a page in a browser of its own, over the DevTools protocol. */
export async function openPage(chromium: string, { width, height }: { width: number; height: number }): Promise<Page> {
  const profile = await tempDir()
  const browser = spawn(chromium, [...FLAGS, `--user-data-dir=${profile.path}`, `--window-size=${width},${height}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const { send, listen, close } = await connect(await debuggerUrl(browser))
  const complaints: string[] = []
  listen('Log.entryAdded', ({ entry }) => complaints.push(`${entry.text} ${entry.url ?? ''}`))
  listen('Runtime.exceptionThrown', ({ exceptionDetails }) => complaints.push(exceptionDetails.text))
  const size = { width, height, deviceScaleFactor: 1, mobile: false }
  await send('Emulation.setDeviceMetricsOverride', size)
  for (const domain of ['Page', 'Runtime', 'Log']) await send(`${domain}.enable`)
  const evaluate = async (expression: string): Promise<unknown> => {
    const answer = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    if (answer.exceptionDetails !== undefined)
      throw new Error(`in the page: ${JSON.stringify(answer.exceptionDetails)}`)
    return answer.result.value
  }
  const until = async (expression: string): Promise<void> => {
    for (let waitedMs = 0; (await evaluate(expression)) !== true; waitedMs += POLL_MS) {
      if (waitedMs > WAIT_MS_MAX) throw new Error(`the page never became: ${expression}`)
      await sleep(POLL_MS)
    }
  }
  return {
    open: async (url) => {
      await send('Page.navigate', { url })
      await until(`location.href.startsWith(${JSON.stringify(url)}) && document.readyState === 'complete'`)
    },
    evaluate,
    until,
    screenshot: async () => Buffer.from((await send('Page.captureScreenshot', { format: 'png' })).data, 'base64'),
    complaints: () => complaints,
    [Symbol.asyncDispose]: async () => {
      close()
      browser.kill()
      await once(browser, 'exit')
      await profile.remove()
    },
  }
}

async function debuggerUrl(browser: ChildProcess): Promise<string> {
  if (browser.stderr === null) throw new Error('the browser has no output to read')
  for await (const line of createInterface({ input: browser.stderr })) {
    const host = /^DevTools listening on ws:\/\/([^/]+)\//.exec(line)?.[1]
    if (host === undefined) continue
    browser.stderr.resume()
    const targets = (await (await fetch(`http://${host}/json/list`)).json()) as DevToolsTarget[]
    const page = targets.find(({ type }) => type === 'page')
    if (page !== undefined) return page.webSocketDebuggerUrl
  }
  throw new Error('the browser ended before it was ready')
}

interface DevToolsTarget {
  type: string
  webSocketDebuggerUrl: string
}

/** The fields of DevTools messages that are read here. */
interface DevToolsMessage {
  id?: number
  method?: string
  error?: { message: string }
  params?: DevToolsFacts
  result?: DevToolsFacts
}
interface DevToolsFacts {
  entry: { text: string; url?: string }
  exceptionDetails: { text: string }
  result: { value: unknown }
  data: string
}

async function connect(url: string) {
  const socket = new WebSocket(url)
  const waiting = new Map<number, PromiseWithResolvers<DevToolsFacts>>()
  const listeners = new Map<string, (params: DevToolsFacts) => void>()
  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(String(data)) as DevToolsMessage
    if (method !== undefined && params !== undefined) listeners.get(method)?.(params)
    const answer = id === undefined ? undefined : waiting.get(id)
    if (error !== undefined) answer?.reject(new Error(error.message))
    else if (result !== undefined) answer?.resolve(result)
  })
  await once(socket, 'open')
  let lastId = 0
  const send = (method: string, params: object = {}): Promise<DevToolsFacts> => {
    const answer = Promise.withResolvers<DevToolsFacts>()
    lastId += 1
    waiting.set(lastId, answer)
    socket.send(JSON.stringify({ id: lastId, method, params }))
    return answer.promise
  }
  const listen = (event: string, listener: (params: DevToolsFacts) => void) => listeners.set(event, listener)
  return { send, listen, close: () => socket.close() }
}
