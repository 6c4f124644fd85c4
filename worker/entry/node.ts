import { ConfigError } from './config-error.ts'
import { readConfig } from './node/config.ts'
import { startServer } from './node/server.ts'

/** `npm start`: the edge on this machine. Prints one line when it is ready; SIGINT and SIGTERM stop it cleanly. */
try {
  const { url, newRootKey, stop } = await startServer(readConfig(process.env))
  if (newRootKey !== null) console.log(`Root key (shown once, kept in MEMOS_HOME/root.key): ${newRootKey}`)
  console.log(`MemOS Edge listening on ${url}`)
  let isStopping = false
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (isStopping) return
      isStopping = true
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error instanceof Error ? error.message : error)
          process.exit(1)
        },
      )
    })
  }
} catch (error) {
  if (error instanceof ConfigError) console.error(`Configuration: ${error.message}`)
  else if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
    console.error('The port is in use. Set PORT to a free one, or stop the other process.')
  else console.error(error instanceof Error ? (error.stack ?? error.message) : error)
  process.exit(1)
}
