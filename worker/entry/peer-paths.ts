/** Where peers call: libp2p dials the root of a host; `/p2p` is for proxies that route by path. */
const PEER_PATHS = new Set(['/', '/p2p'])

export const isPeerPath = (path: string): boolean => PEER_PATHS.has(path.replace(/\?.*$/, ''))
