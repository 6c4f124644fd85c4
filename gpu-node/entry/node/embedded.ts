import { basename, join } from 'node:path'
import { activationOperations, type OpenModel } from '../../core/activation/activation-operations.ts'
import { cacheMaker } from '../../core/activation/cache-of-block.ts'
import { ResidentCache } from '../../core/activation/resident-cache.ts'
import { NodeAgent } from '../../core/agent/node-agent.ts'
import { openDecoder } from '../../core/model/onnx-decoder.ts'
import { NodeError } from '../../core/node-error.ts'
import type { OnnxRuntime } from '../../core/runtime/onnx-runtime.ts'
import { SessionPool } from '../../core/runtime/session-pool.ts'
import { nodeAgentHost } from './agent-host.ts'
import { folderFiles } from './folder-files.ts'
import { onnxRuntimeNode } from './onnxruntime-node.ts'
import { onnxRuntimeWeb } from './onnxruntime-web.ts'

/** What the edge that has forked this process tells it first; the token is no part of the environment, which others can see. */
export interface EmbeddedStart {
  /** Base address of the edge. */
  edge: string
  joinToken: string
  /** Folder of the model, as `folderFiles` reads it. */
  model: string
  /** Folder for the key of this node. */
  home: string
}

const SESSION_BYTES_MAX = 2 * 1024 ** 3
const RESIDENT_BYTES_MAX = 512 * 1024 ** 2
const HALF_LIFE_MS = 60 * 60 * 1000
const CONCURRENCY = 4

/** The GPU node of `npm start`: one model in a process of its own, so that inference blocks no request of the edge. */
async function start({ edge, joinToken, model: folder, home }: EmbeddedStart): Promise<void> {
  const runtime = await bestRuntime()
  const sessions = new SessionPool(runtime, SESSION_BYTES_MAX)
  const model = await openDecoder({ name: basename(folder), files: folderFiles(folder), runtime, sessions })
  const resident = new ResidentCache({
    ...{ bytesMax: RESIDENT_BYTES_MAX, strategy: 'heat', halfLifeMs: HALF_LIFE_MS },
    nowMs: Date.now,
  })
  const opened: OpenModel = { model, resident, cacheOf: cacheMaker(runtime, model.config) }
  const open = async (fingerprint: string): Promise<OpenModel> => {
    if (fingerprint !== model.fingerprint.fp) throw new NodeError('unknown_model', 'this node has one other model')
    return opened
  }
  const { positionsMax } = model.config
  const operations = ['generate', 'encode_kv', 'steer'] as const
  const agent = new NodeAgent({
    ...{ host: nodeAgentHost(join(home, 'embedded-node.key')), edge, joinToken, name: 'embedded' },
    operations: activationOperations(open),
    capabilities: {
      ...{ runtime: runtime.name, provider: runtime.provider, concurrency: CONCURRENCY },
      memoryBytes: SESSION_BYTES_MAX + RESIDENT_BYTES_MAX,
      models: [
        {
          ...{ name: model.name, fingerprint: model.fingerprint.fp, descriptor: model.descriptor, positionsMax },
          operations: [...operations],
        },
      ],
    },
    resident: () => ({ bytes: resident.bytes, keys: resident.keys() }),
    // When the edge has gone, nobody hears it any more.
    onState: (state) => process.connected && process.send?.(state),
  })
  agent.start()
  // The edge is gone: nobody is left to answer.
  process.on('disconnect', () => void agent.stop().finally(() => process.exit(0)))
}

/** The native addon where it is installed, else WebAssembly, which every machine can run. */
async function bestRuntime(): Promise<OnnxRuntime> {
  try {
    return await onnxRuntimeNode()
  } catch (error) {
    if (!(error instanceof NodeError)) throw error
    return onnxRuntimeWeb()
  }
}

process.once('message', (message) => {
  start(message as EmbeddedStart).catch((error: unknown) => {
    const code = error instanceof NodeError ? error.code : 'internal'
    process.send?.({ kind: 'failed', code, detail: error instanceof Error ? error.message : '' }, () => process.exit(1))
  })
})
