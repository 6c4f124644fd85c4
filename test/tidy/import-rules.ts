import type { Import } from './source.ts'

/** The import rules of ARCHITECTURE.md as data. The first layer whose `files` match a path is its layer; a path without a layer is free. */
export interface Layer {
  files: RegExp
  /** Our own files that it may import. */
  ours: RegExp
  /** Our own files that it may import as types only. */
  oursAsTypes?: RegExp
  /** Packages that it may import; absent: any but `neverPackages`. */
  packages?: RegExp
  neverPackages?: RegExp
}

const SCHEMAS = String.raw`schemas\/(?!tables\/)`
const OUR_FOLDERS = /^(schemas|protocol|worker|gpu-node|sdk|console|cli|scripts|test)\//
const NEVER = /(?!)/
/** What the worker knows of peers: three interfaces, as types; `components.ts` and `entry/` bring what stands behind them. */
const MIP_SEAMS = String.raw`protocol\/host\/(mip-(source|remote)|chunk-sink)\.ts$`

export const LAYERS: readonly Layer[] = [
  { files: /^schemas\/tables\//, ours: /^schemas\//, packages: /^drizzle-orm(\/sqlite-core)?$/ },
  { files: /^schemas\//, ours: new RegExp(`^${SCHEMAS}`), packages: /^zod$/ },
  {
    files: /^protocol\/core\//,
    ours: new RegExp(`^(protocol\\/core|${SCHEMAS})`),
    packages: /^(multiformats|@ipld\/dag-cbor|@ipld\/car\/decoder|@noble\/[\w-]+)(\/|$)/,
  },
  {
    files: /^protocol\/host\//,
    ours: new RegExp(`^(protocol\\/|${SCHEMAS})`),
    neverPackages: /^(drizzle-orm|hono)(\/|$)/,
  },
  {
    files: /^worker\/ports\//,
    ours: new RegExp(`^(worker\\/ports\\/|${SCHEMAS})`),
    oursAsTypes: new RegExp(`^((schemas\\/tables|protocol\\/core)\\/|${MIP_SEAMS})`),
    packages: /^drizzle-orm(\/|$)/,
  },
  {
    files: /^worker\/operation\//,
    ours: new RegExp(`^(worker\\/(operation|ports)\\/|protocol\\/core\\/|${SCHEMAS})`),
    oursAsTypes: new RegExp(`^(worker\\/infrastructure\\/|${MIP_SEAMS})`),
    neverPackages: /^(drizzle-orm|hono|@hono\/|cloudflare:|@libsql\/)/,
  },
  {
    files: /^worker\/infrastructure\//,
    ours: /^(worker\/(infrastructure|ports)|protocol\/core|schemas)\//,
    oursAsTypes: new RegExp(`^${MIP_SEAMS}`),
    neverPackages: /^(hono|@hono\/|cloudflare:|@libsql\/)/,
  },
  {
    files: /^worker\/(interface|middleware)\//,
    ours: new RegExp(`^(worker\\/(interface|middleware|ports)\\/|protocol\\/core\\/|${SCHEMAS})`),
    oursAsTypes: new RegExp(`^(worker\\/(operation|infrastructure)\\/|${MIP_SEAMS})`),
    neverPackages: /^(drizzle-orm|cloudflare:|@libsql\/)/,
  },
  { files: /^worker\/durable-objects\//, ours: /^(worker\/(durable-objects|drivers|ports)|protocol\/core|schemas)\// },
  { files: /^worker\/drivers\//, ours: /^(worker\/(drivers|ports)|protocol\/core|schemas)\// },
  { files: /^worker\/(components\.ts$|entry\/)/, ours: /^(worker|schemas|protocol)\// },
  { files: /^worker\//, ours: /^(worker\/(?!drivers\/|durable-objects\/|entry\/)|schemas\/(?!tables\/)|protocol\/)/ },
  {
    files: /^gpu-node\/(core|onnx)\//,
    ours: new RegExp(`^(gpu-node\\/(core|onnx)\\/|protocol\\/core\\/|${SCHEMAS})`),
    neverPackages: /^(node:|onnxruntime-(node|web))/,
  },
  { files: /^sdk\//, ours: /^sdk\//, oursAsTypes: /^schemas\/(?!tables\/)/, packages: /^hono\/client$/ },
  // The core of the protocol signs with the root key and verifies what a server says: neither may be left to the server.
  { files: /^cli\//, ours: new RegExp(`^(cli|sdk|protocol\\/core)\\/|^${SCHEMAS}`) },
]

/** What is wrong with one import of the file at `path`, or undefined. */
export function importFault(path: string, { target, isType }: Import): string | undefined {
  if (!path.startsWith('scripts/') && /^test\/|\.test\.ts$/.test(target)) return 'product code does not import tests'
  const layer = LAYERS.find(({ files }) => files.test(path))
  if (!layer) return undefined
  if (!OUR_FOLDERS.test(target)) {
    const isAllowed = layer.packages?.test(target) ?? !layer.neverPackages?.test(target)
    return isAllowed ? undefined : 'this layer may not import that package'
  }
  if (driverOf(path) && driverOf(target) && driverOf(path) !== driverOf(target))
    return 'a driver does not know another driver'
  if (layer.ours.test(target) || (isType && (layer.oursAsTypes ?? NEVER).test(target))) return undefined
  return layer.oursAsTypes?.test(target) ? 'only `import type` is allowed here' : 'this layer may not import that one'
}

/** `worker/drivers/blob-store/fs.ts` and everything beside it belong to the driver family `blob-store`. */
const driverOf = (path: string) => /^worker\/drivers\/([\w-]+)/.exec(path)?.[1]
