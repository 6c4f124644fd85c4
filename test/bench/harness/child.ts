import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { BENCH } from './repository.ts'

/** A program of the bench in a process of its own that answers requests; `serveParent` is its other end. */
export interface Child<Ready> extends AsyncDisposable {
  readonly pid: number
  /** What the program said when it was ready. */
  readonly ready: Ready
  ask<T>(request: object): Promise<T>
  /** Ends it at once, as a loss of power would. */
  kill(): Promise<void>
}

type Message = { value: unknown } | { error: string }

/** Starts `program` (a path below test/bench) and waits until it is ready. One request at a time. */
export async function startChild<Ready>(
  program: string,
  order: object,
  nodeFlags: string[] = [],
): Promise<Child<Ready>> {
  const child = fork(join(BENCH, program), {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: nodeFlags,
  })
  const ask = async <T>(request: object): Promise<T> => {
    const answer = answerOf<T>(child, program)
    child.send(request)
    return answer
  }
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null)
      await Promise.all([once(child, 'exit'), child.kill('SIGKILL')])
  }
  try {
    const ready = await ask<Ready>(order)
    return { pid: child.pid ?? 0, ready, ask, kill, [Symbol.asyncDispose]: kill }
  } catch (error) {
    await kill()
    throw error
  }
}

function answerOf<T>(child: ChildProcess, program: string): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onMessage = (message: unknown) => {
    const answer = message as Message
    if ('error' in answer) reject(new Error(`${program}: ${answer.error}`))
    else resolve(answer.value as T)
  }
  const onExit = (code: number | null) => reject(new Error(`${program} ended with ${code}`))
  child.once('message', onMessage)
  child.once('exit', onExit)
  return promise.finally(() => {
    child.off('message', onMessage)
    child.off('exit', onExit)
  })
}

/** Main of such a program: makes ready from the order, then answers requests until it is killed. */
export async function serveParent<Order, Ready>(
  start: (order: Order) => Promise<{ ready: Ready; answer?: (request: never) => Promise<unknown> }>,
): Promise<void> {
  // A parent that is gone needs no answers.
  if (process.execArgv.includes('--cpu-prof')) process.once('SIGUSR2', () => process.exit(0))
  process.once('disconnect', () => process.exit(0))
  const send = (message: Message) => process.send?.(message)
  const tell = async (work: () => Promise<unknown>) => {
    try {
      send({ value: await work() })
    } catch (error) {
      send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  }
  const [order] = (await once(process, 'message')) as [Order]
  await tell(async () => {
    const { ready, answer } = await start(order)
    process.on('message', (request) => void tell(async () => answer?.(request as never)))
    return ready
  })
}

/** CPU time of this process so far, user and system, ms. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
